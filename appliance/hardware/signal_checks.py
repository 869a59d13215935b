"""Checks of what a microphone delivers: a signal that may be speech, at the rate asked for."""

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.faults import Fault

MUTED = Fault("Microphone is muted?", "switch it on, or its mute off")

_NOISE = 4
"""Peak to peak, in steps of 16 bits: the noise of every microphone that can be used is more."""

_STRIDE = 5  # samples from one examined to the next; an odd number meets every phase of a tone

_RATE_TOLERANCE = 0.05  # far more than clocks differ, less than two usual rates do
_WINDOW = 3.0  # seconds of audio over which the rate is measured
_WINDOWS = 3  # wrong ones in a row

_LATEST = _RATE_TOLERANCE * _WINDOW / 2
"""Seconds by which a block may come later or earlier than evenly.

A gap that is long enough to make a right rate look wrong delays some block by more.
"""

_FEWEST = 8
"""Blocks of a window that show whether they came evenly; any two points lie on a straight line."""


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

    Only what came evenly counts. A busy machine takes audio late, all at once, or not at all, which
    says nothing about the microphone; one with a wrong rate delivers evenly, too.

    Args:
        rate: that the device was asked for, in Hz.

    Attributes:
        is_right: whether the rate was right when it was last measured.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window: list[tuple[int, float]] = []  # frames until a block ended, and when it did
        self._wrong: list[float] = []  # measured rates in a row, all too low or all too high
        self.is_right = False

    def measure(self, frames: int, ended_at: float, *, follows_gap: bool = False) -> Fault | None:
        """Return what is wrong once the rate has been wrong for some seconds; None if nothing is.

        Args:
            frames: of the block that arrived.
            ended_at: when its last sample was captured, in monotonic seconds.
            follows_gap: whether audio is known to be missing before it.
        """
        if not self._window or follows_gap:
            self._window = [(0, ended_at)]
            return self._fault()
        self._window.append((self._window[-1][0] + frames, ended_at))
        if ended_at - self._window[0][1] >= _WINDOW:
            self._judge()
            self._window = [(0, ended_at)]
        return self._fault()

    def _judge(self) -> None:
        """Note the rate of the window, unless a block came far too early or late in it."""
        _, began_at = self._window[0]
        frames, ended_at = self._window[-1]
        measured = frames / (ended_at - began_at)
        is_even = (
            len(self._window) > _FEWEST
            and measured > 0
            and all(
                abs(at - began_at - so_far / measured) <= _LATEST for so_far, at in self._window
            )
        )
        if is_even:
            self._note(measured)

    def _note(self, measured: float) -> None:
        deviation = measured / self._rate - 1
        self.is_right = abs(deviation) <= _RATE_TOLERANCE
        if self.is_right:
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
