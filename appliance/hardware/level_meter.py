"""The input level."""

import math

_QUIETEST = -60.0  # dB of full scale


_CHUNKS_A_LEVEL = 3


_STEP = 5  # samples from one looked at to the next; being odd, it meets every phase of a tone


class Meter:
    """Tells about three times a second how loud it is: a bar that flickers faster says no more."""

    def __init__(self) -> None:
        self._loudest = 0.0
        self._chunks = 0

    def measure(self, audio: bytes) -> float | None:
        """Return the level of the first chunk, then of each third: its own or a louder one's.

        In steps of 0.1; None for the chunks in between.
        """
        self._loudest = max(self._loudest, level(audio))
        self._chunks += 1
        if self._chunks % _CHUNKS_A_LEVEL != 1:
            return None
        loudest, self._loudest = self._loudest, 0.0
        return round(loudest, 1)


def level(audio: bytes) -> float:
    """Return how loud s16le audio is: 0.0 at -60 dB of full scale or less, 1.0 at 0 dB.

    It is the peak of every fifth sample: a meter needs no more.
    """
    samples = memoryview(audio).cast("h")[::_STEP]
    highest, lowest = max(samples), min(samples)
    peak = max(highest, -lowest)
    if not peak:
        return 0.0
    return max(0.0, 1 - 20 * math.log10(peak / 32_768) / _QUIETEST)
