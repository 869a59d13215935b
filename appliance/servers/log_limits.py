"""Rate limit of repeated log lines: the first at once, then a count per minute."""

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

MINUTE = 60.0


def call_later_on_loop(seconds: float, callback: Callable[[], None]) -> None:
    """Call `callback` on the running event loop after so many seconds."""
    asyncio.get_running_loop().call_later(seconds, callback)


class LogLimiter:
    """Warnings, at most one a minute of each kind; used on the event loop.

    Args:
        call_later: calls a function after a number of seconds.
        minute: seconds between two lines of a kind.
    """

    def __init__(
        self,
        call_later: Callable[[float, Callable[[], None]], None] = call_later_on_loop,
        minute: float = MINUTE,
    ) -> None:
        self._call_later = call_later
        self._minute = minute
        self._suppressed: dict[str, int] = {}
        self._latest: dict[str, str] = {}

    def warning(self, kind: str, line: str) -> None:
        """Log the first line of its kind at once; count those of the next minute.

        There must be few kinds, since each takes memory for a minute.
        """
        if kind in self._suppressed:
            self._suppressed[kind] += 1
            self._latest[kind] = line
            return
        log.warning("%s", line)
        self._begin_minute(kind)

    def _begin_minute(self, kind: str) -> None:
        self._suppressed[kind] = 0
        self._call_later(self._minute, lambda: self._end_minute(kind))

    def _end_minute(self, kind: str) -> None:
        count = self._suppressed.pop(kind)
        if count:
            log.warning("%d more like this: %s", count, self._latest.pop(kind))
            self._begin_minute(kind)
