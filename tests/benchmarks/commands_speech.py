"""Phrases as flite speaks them, and the words that a service heard of each."""

import subprocess
import tempfile
import wave
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from tests.benchmarks.local_stream import BYTES_PER_MS, Answer

VOICES = ("rms", "slt")
"""A man's and a woman's (CMU Arctic)."""

SILENCE = 1600
"""Milliseconds before and after each phrase: longer than any pause that is part of a turn."""


class Speech(NamedTuple):
    """Audio (mono s16le, 16000 Hz), and the ms at which the silence before each phrase begins."""

    pcm: bytes
    starts: list[int]


def spoken(sentences: Sequence[str], voice: str) -> Speech:
    """Return the sentences one after the other, with silence between them."""
    quiet = bytes(SILENCE * BYTES_PER_MS)
    pieces = [quiet + _flite(sentence, voice) for sentence in sentences]
    lengths = (len(piece) // BYTES_PER_MS for piece in pieces)
    starts = list(accumulate(lengths, initial=0))[:-1]
    return Speech(b"".join([*pieces, quiet]), starts)


def heard(answers: Sequence[Answer], starts: Sequence[int]) -> list[list[str]]:
    """Return the finished turns heard of each sentence: a turn belongs to where it begins."""
    turns: list[list[str]] = [[] for _ in starts]
    for _, message in answers:
        if message["type"] == "Turn" and message["end_of_turn"] and message["words"]:
            sentence = bisect_right(starts, message["words"][0]["start"]) - 1
            turns[sentence].append(message["transcript"])
    return turns


def _flite(sentence: str, voice: str) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", file.name], check=True)
        with wave.open(file.name) as speech:
            assert (speech.getnchannels(), speech.getframerate()) == (1, 16_000)
            return bytes(speech.readframes(speech.getnframes()))
