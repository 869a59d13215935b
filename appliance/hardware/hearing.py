"""What is heard from one press to the next, and to whom it goes."""

import math
import threading
from collections.abc import Callable

Deliver = Callable[[bytes, float], None]
"""Takes a chunk (s16le, 16 kHz, mono, of any length) and when its first sample was captured."""


class Hearing:
    """One stretch of listening: who closes it need not wait until it has begun.

    Args:
        deliver: called on the microphone's thread.

    Attributes:
        closed_at: what was said until then is to be delivered, in monotonic seconds; infinite for
            as long as nobody has closed it.
    """

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self.closed_at = math.inf
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        """Whether it was closed; for good."""
        return self._closed.is_set()

    def close(self, at: float) -> None:
        """Hear no more than what was said until then; the first time counts."""
        if not self.closed:
            self.closed_at = at
            self._closed.set()

    def pause(self, seconds: float) -> None:
        """Let the time pass, or less when it is closed meanwhile."""
        self._closed.wait(seconds)
