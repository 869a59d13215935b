"""Input level of the microphone."""

import math

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE

_FLOOR = -60.0  # dB of full scale that count as silence

_INTERVAL = 3 * SAMPLE_RATE // 10  # samples from one level to the next

_STRIDE = 5  # samples from one examined to the next; an odd number meets every phase of a tone


class LevelMeter:
    """Meter that reports about three times a second: a faster bar would only flicker.

    meter = LevelMeter()
    if (level := meter.measure(audio)) is not None:
        show(level)
    """

    def __init__(self) -> None:
        self._loudest = 0.0
        self._measured = 0  # samples
        self._reported = -1  # the interval in which a level was returned last

    def measure(self, audio: bytes) -> float | None:
        """Return the highest level since the last report, or None between two reports.

        The first piece is reported at once, then the first one of each 0.3 s, whatever their
        lengths. Levels are rounded to 0.1.

        Args:
            audio: s16le, 16 kHz, mono, not empty.
        """
        self._loudest = max(self._loudest, level(audio))
        interval = self._measured // _INTERVAL
        self._measured += len(audio) // SAMPLE_BYTES
        if interval == self._reported:
            return None
        self._reported = interval
        loudest, self._loudest = self._loudest, 0.0
        return round(loudest, 1)


def level(audio: bytes) -> float:
    """Return the level of s16le audio: 0.0 at -60 dB of full scale or less, 1.0 at 0 dB.

    It is the peak of every fifth sample: a meter needs no more.
    """
    samples = memoryview(audio).cast("h")[::_STRIDE]
    highest, lowest = max(samples), min(samples)
    peak = max(highest, -lowest)
    if not peak:
        return 0.0
    return max(0.0, 1 - 20 * math.log10(peak / 32_768) / _FLOOR)
