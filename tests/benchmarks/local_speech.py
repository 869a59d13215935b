"""The sample speech, with silences between its sentences that end a turn."""

import wave
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLES = Path(__file__).parents[2] / "appliance" / "app" / "samples"
PER_MS = 16
PAUSE_MS = 500
"""Longer silences than this lie between two sentences, and none within one."""


class Speech(NamedTuple):
    """Audio (mono s16le, 16000 Hz), its words, and in ms when each sentence starts and ends."""

    pcm: bytes
    said: str
    starts: list[int]
    silences: list[int]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / PER_MS / 2000


def sample(silence: int) -> Speech:
    """Return the sample with so many ms of silence after each sentence."""
    with wave.open(str(SAMPLES / "sample.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    said = (SAMPLES / "sample.txt").read_text(encoding="utf-8")
    return spaced(samples, said, silence)


def spaced(samples: NDArray[np.int16], said: str, silence: int) -> Speech:
    """Return these sentences with so many ms of silence after each one."""
    quiet = np.zeros(silence * PER_MS, np.int16)
    sentences = _sentences(samples)
    lengths = [(sentence.size + quiet.size) // PER_MS for sentence in sentences]
    starts = [silence + before for before in accumulate(lengths, initial=0)][:-1]
    ends = [
        start + sentence.size // PER_MS for start, sentence in zip(starts, sentences, strict=True)
    ]
    pieces = [quiet, *(piece for sentence in sentences for piece in (sentence, quiet))]
    return Speech(np.concatenate(pieces).tobytes(), said, starts, ends)


def _sentences(samples: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """Return what sounds between two pauses, cut to whole milliseconds."""
    sounding = np.flatnonzero(samples.astype(int)) // PER_MS
    breaks = np.flatnonzero(np.diff(sounding) > PAUSE_MS)
    firsts = [sounding[0], *sounding[breaks + 1]]
    lasts = [*sounding[breaks], sounding[-1]]
    return [
        samples[first * PER_MS : (last + 1) * PER_MS]
        for first, last in zip(firsts, lasts, strict=True)
    ]
