"""Where words were said, when the engine tells only what they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from appliance.core.audio_format import SAMPLE_RATE
from appliance.servers.local_service.engines.base import HeardWord

FRAME_MS = 20

SHARE_OF_NOISE = 0.1
"""The quietest tenth of an utterance is taken for the noise of the room."""


def spread(texts: Sequence[str], pcm: bytes) -> list[HeardWord]:
    """Return the words spread over the sound of their utterance, each by its length.

    `pcm` is the whole utterance (mono s16le, 16000 Hz). No word is placed where it is quiet before
    the first sound or after the last; without any sound, all are placed at the beginning.
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
    """Return the numbers of the frames with sound in them."""
    size = SAMPLE_RATE * FRAME_MS // 1000
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    frames = samples[: samples.size // size * size].reshape(-1, size)
    if not frames.size:
        return np.empty(0, np.intp)
    loudness = np.sqrt((frames**2).mean(axis=1))
    noise, loudest = np.quantile(loudness, SHARE_OF_NOISE), loudness.max()
    # over twice the noise, and 6 to 30 dB below the loudest
    return np.flatnonzero(loudness > np.clip(2 * noise, loudest / 32, loudest / 2))
