"""Estimated times of words, for engines that return text alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from appliance.core.audio_format import SAMPLE_RATE
from appliance.servers.local_service.engines.base import HeardWord

FRAME_MS = 20

NOISE_SHARE = 0.1
"""Share of an utterance, its quietest part, that counts as the noise of the room."""


def estimate_times(texts: Sequence[str], pcm: bytes) -> list[HeardWord]:
    """Return the words with estimated times, in proportion to their lengths in letters.

    >>> sound = bytes([0, 32, 0, 224]) * 4800  # 600 ms
    >>> [(word.text, word.start, word.end) for word in estimate_times(["turn", "on"], sound)]
    [('turn', 0, 400), ('on', 400, 600)]

    `pcm` is the whole utterance (mono s16le, 16000 Hz). The words share its sound: none is before
    the first or after the last of it. Without any sound, all words are at the beginning.
    """
    if not texts:
        return []
    sounding = _sounding_frames(pcm)
    if not sounding.size:
        return [HeardWord(text, 0, 0) for text in texts]
    letters = np.cumsum([0, *map(len, texts)])
    bounds = letters * sounding.size // letters[-1]
    starts = sounding[np.minimum(bounds[:-1], sounding.size - 1)]
    ends = np.maximum(starts, sounding[np.maximum(bounds[1:] - 1, 0)]) + 1
    return [
        HeardWord(text, int(start) * FRAME_MS, int(end) * FRAME_MS)
        for text, start, end in zip(texts, starts, ends, strict=True)
    ]


def _sounding_frames(pcm: bytes) -> NDArray[np.intp]:
    """Return the indices of the frames with sound."""
    size = SAMPLE_RATE * FRAME_MS // 1000
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    frames = samples[: samples.size // size * size].reshape(-1, size)
    if not frames.size:
        return np.empty(0, np.intp)
    loudness = np.sqrt((frames**2).mean(axis=1))
    noise, loudest = np.quantile(loudness, NOISE_SHARE), loudness.max()
    # The threshold is twice the noise, but 6 to 30 dB below the loudest frame.
    return np.flatnonzero(loudness > np.clip(2 * noise, loudest / 32, loudest / 2))
