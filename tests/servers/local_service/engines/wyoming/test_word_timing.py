import random
import struct
from itertools import pairwise

import pytest

from appliance.servers.local_service.engines.wyoming.word_timing import estimate_times

MS = 32


def sound(milliseconds: int, loudness: int = 8000) -> bytes:
    return struct.pack("<2h", loudness, -loudness) * (8 * milliseconds)


def silence(milliseconds: int) -> bytes:
    return bytes(MS * milliseconds)


def places(texts: list[str], pcm: bytes) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in estimate_times(texts, pcm)]


def test_words_share_the_sound_by_their_length() -> None:
    assert places(["a", "bcd"], sound(400)) == [(0, 100), (100, 400)]


def test_words_are_not_in_the_silence_around_them() -> None:
    audio = silence(500) + sound(400) + silence(1280)
    assert places(["two", "ear"], audio) == [(500, 700), (700, 900)]


def test_a_pause_is_between_words() -> None:
    audio = sound(200) + silence(300) + sound(200)
    assert places(["two", "ear"], audio) == [(0, 200), (500, 700)]


def test_noise_counts_as_silence() -> None:
    randomness = random.Random(1)
    noise = [randomness.randint(-600, 600) for _ in range(16 * 2000)]
    audio = struct.pack("<32000h", *noise)
    audio = audio[: 500 * MS] + sound(500) + audio[1000 * MS :]
    assert places(["word"], audio) == [(500, 1000)]


def test_a_constant_sound_is_a_word() -> None:
    assert places(["word"], sound(1000)) == [(0, 1000)]


@pytest.mark.parametrize("count", [1, 7, 50, 500])
def test_many_words_keep_their_order_and_stay_within_the_utterance(count: int) -> None:
    randomness = random.Random(count)
    texts = ["x" * randomness.randint(1, 12) for _ in range(count)]
    words = estimate_times(texts, silence(300) + sound(1000) + silence(300))
    assert [word.text for word in words] == texts
    assert all(300 <= word.start < word.end <= 1300 for word in words)
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(words))


@pytest.mark.parametrize("audio", [b"", b"\0\0", silence(1000)])
def test_words_without_sound_are_at_the_beginning(audio: bytes) -> None:
    assert places(["ghost", "word"], audio) == [(0, 0), (0, 0)]


def test_without_words_there_are_no_times() -> None:
    assert estimate_times([], sound(100)) == []
