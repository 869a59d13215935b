"""Audio as telephones send it: 8 bits a sample, mu-law (ITU-T G.711)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BIAS: Final = 0x84
"""What the encoder adds, so that every magnitude has a leading bit to count its segment by."""


def linear(codes: bytes) -> NDArray[np.int16]:
    """Return the samples, signed 16 bit, one for each byte."""
    return _LINEAR[np.frombuffer(codes, dtype=np.uint8)]


def _table() -> NDArray[np.int16]:
    codes = ~np.arange(256) & 0xFF  # they are sent with every bit turned
    segments, steps = codes >> 4 & 7, codes & 15
    magnitudes = ((steps << 3) + BIAS << segments) - BIAS
    return np.where(codes & 0x80, -magnitudes, magnitudes).astype(np.int16)


_LINEAR = _table()
