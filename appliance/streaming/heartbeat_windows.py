"""Windows of audio between one heartbeat and the next, and whether there was speech in each."""

import msgspec

SPEECH_PROBABILITY = 0.4
"""The probability from which on the service takes sound for speech (its `vad_threshold`)."""


class Window(msgspec.Struct, frozen=True):
    """Samples from `start` to `end` that a heartbeat acknowledged at a moment, in seconds.

    `speech` says whether there was any in them.
    """

    start: int
    end: int
    at: float
    speech: bool


class Windows:
    """Windows of one connection's audio, each beginning where the one before it ends.

        >>> windows = Windows(origin=0, opened_at=0.0)
        >>> windows.add(80_000, 5.0, probability=0.1)
        >>> windows.end, windows.last_quiet_end(90_000, by=5.0)
        (80000, 80000)

    Args:
        origin: the position where the connection's audio starts.
        opened_at: when the connection opened, in monotonic seconds.

    Attributes:
        end: the position where the last window ends: all audio before it is acknowledged.
        ended_at: when it was acknowledged.
    """

    def __init__(self, origin: int, opened_at: float) -> None:
        self._windows: list[Window] = []
        self.end, self.ended_at = origin, opened_at

    def add(self, end: int, now: float, probability: float) -> None:
        """Add the window that ends at a position; one without length is none.

        `probability` is the highest one of speech in it.
        """
        if end > self.end:
            speech = probability >= SPEECH_PROBABILITY
            self._windows.append(Window(self.end, end, now, speech))
            self.end, self.ended_at = end, now

    def within(self, start: int, end: int) -> list[Window]:
        """Return the windows that lie at least in part in that audio."""
        return [it for it in self._windows if start < it.end and it.start < end]

    def last_quiet_end(self, limit: int, *, by: float) -> int | None:
        """Return where the last window ends that had no speech.

        Args:
            limit: the position that its end may have.
            by: the moment at which it was acknowledged, or earlier.
        """
        quiet = (it.end for it in self._windows if not it.speech and it.at <= by)
        return max((end for end in quiet if end <= limit), default=None)

    def forget(self, position: int) -> None:
        """Forget what ends before a position."""
        self._windows = [it for it in self._windows if it.end >= position]
