"""Checks of what a microphone delivers: a signal that may be speech, at the rate asked for."""

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.faults import Fault

MUTED = Fault("Microphone is muted?", "switch it on, or its mute off")

_NOISE = 4
"""Peak to peak, in steps of 16 bits: the noise of every microphone that can be used is more."""

_STRIDE = 5  # samples from one examined to the next; an odd number meets every phase of a tone

_RATE_TOLERANCE = 0.05  # far more than clocks differ, less than two usual rates do
_WINDOW = 3.0  # seconds of the clock over which the rate is measured
_WINDOWS = 3  # wrong ones in a row, so that no single gap or delay counts


class DeadSignal:
    """Meter of how long nothing was heard: zeros, one level, or less than a microphone's own noise.

    >>> signal = DeadSignal()
    >>> signal.measure(bytes(SAMPLE_RATE * SAMPLE_BYTES))
    1.0
    """

    def __init__(self) -> None:
        self._dead = 0  # samples

    def measure(self, audio: bytes) -> float:
        """Return for how many seconds the signal has been dead; 0.0 as soon as there is sound.

        Args:
            audio: s16le, 16 kHz, mono, not empty.
        """
        self._dead = self._dead + len(audio) // SAMPLE_BYTES if is_dead(audio) else 0
        return self._dead / SAMPLE_RATE


def is_dead(audio: bytes) -> bool:
    """Return whether s16le audio holds less than the noise of any microphone."""
    samples = memoryview(audio).cast("h")[::_STRIDE]
    return max(samples) - min(samples) <= _NOISE


class RateCheck:
    """Comparison of the audio that arrives with the monotonic clock.

    A gap or a burst, as at the start of a stream, is in two windows of time at most, and forgiven.

    Args:
        rate: that the device was asked for, in Hz.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._began_at: float | None = None
        self._frames = 0
        self._wrong: list[float] = []  # measured rates in a row, all too low or all too high

    def measure(self, frames: int, arrived_at: float) -> Fault | None:
        """Return what is wrong once the rate has been wrong for some seconds; None if nothing is.

        Args:
            frames: of the block that arrived.
            arrived_at: in monotonic seconds.
        """
        if self._began_at is None:
            self._began_at = arrived_at
            return None
        self._frames += frames
        elapsed = arrived_at - self._began_at
        if elapsed >= _WINDOW:
            self._note(self._frames / elapsed)
            self._began_at, self._frames = arrived_at, 0
        return self._fault()

    def _note(self, measured: float) -> None:
        deviation = measured / self._rate - 1
        if abs(deviation) <= _RATE_TOLERANCE:
            self._wrong.clear()
        elif self._wrong and (self._wrong[-1] > self._rate) != (deviation > 0):
            self._wrong = [measured]
        else:
            self._wrong = [*self._wrong[1 - _WINDOWS :], measured]

    def _fault(self) -> Fault | None:
        if len(self._wrong) < _WINDOWS:
            return None
        measured = sum(self._wrong) / len(self._wrong)
        return unusable(f"it delivers {measured:.0f} samples a second instead of {self._rate}")


def unusable(detail: str) -> Fault:
    """Return the fault of a microphone that delivers no speech at a known rate."""
    return Fault("Microphone unusable", "use another one", detail)
