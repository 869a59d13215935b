"""What may happen by the thousand takes a few lines of the log: the first, then a sum a minute."""

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

MINUTE = 60.0


def on_the_loop(seconds: float, callback: Callable[[], None]) -> None:
    """Call back on the running event loop."""
    asyncio.get_running_loop().call_later(seconds, callback)


class LogLimiter:
    """Lines of the log, at most one a minute of each kind; used on the event loop.

    The kinds are few, or whoever names them bounds them. `later` calls back after some seconds.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], None] = on_the_loop) -> None:
        self._later = later
        self._untold: dict[str, int] = {}
        self._newest: dict[str, str] = {}

    def tell(self, kind: str, line: str) -> None:
        """Log the first of its kind at once, and within the minute how many more there were."""
        if kind in self._untold:
            self._untold[kind] += 1
            self._newest[kind] = line
            return
        log.warning("%s", line)
        self._begin_minute(kind)

    def _begin_minute(self, kind: str) -> None:
        self._untold[kind] = 0
        self._later(MINUTE, lambda: self._end_minute(kind))

    def _end_minute(self, kind: str) -> None:
        untold = self._untold.pop(kind)
        if untold:
            log.warning("%d more like this: %s", untold, self._newest.pop(kind))
            self._begin_minute(kind)
