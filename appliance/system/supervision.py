"""Since when a thread has been at one piece of work, so that one that hangs is noticed."""

import time
from collections.abc import Callable
from types import TracebackType


class BusyTimer:
    """What the thread of a part does at this moment, as seen by others.

    A thread that hangs in a driver can neither tell so nor be ended; whoever looks on can tell.

        with self.activity:
            panel.show(picture)

    Args:
        part: whose thread it is.
        clock: monotonic seconds.
    """

    def __init__(self, part: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.part = part
        self._clock = clock
        self._since: float | None = None

    def __enter__(self) -> None:
        self._since = self._clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._since = None

    def lasts(self) -> float:
        """Return for how many seconds the thread has been at this piece; 0 while it waits."""
        since = self._since
        return 0.0 if since is None else self._clock() - since
