"""One thing after another to the same target, each within a time limit, whatever hangs."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from appliance.core.errors import ActionError

log = logging.getLogger(__name__)

LIMIT = 5.0
"""Seconds after which something that is being done is given up."""

PATIENCE = 10.0
"""Seconds that something may wait for what is done before it: a lamp that goes on late is wrong."""

MOST_WAITING = 16
"""Things that wait; more than a person says in one breath."""


class Later(NamedTuple):
    """What is to be done in so many seconds, unless something else was done before."""

    seconds: float
    work: "Work"


Work = Callable[[], Later | None]
"""Does something; raises ActionError if it can't."""


class _Task(NamedTuple):
    since: float
    work: Work
    ended: Callable[[str], None]


class TargetWorker:
    """Does things to one target, such as a pin, a host or the broker.

    Each is done on a thread of its own, for a thread that hangs in a library can't be ended: it is
    left behind. As long as it hangs, nothing more is tried on this target, so there is never more
    than one such thread a lane; and other targets have other lanes.

    Args:
        name: of the target, in words for the screen.
        last: is done at the end; what waits by then is dropped.
        limit: seconds that each may take.
        patience: seconds that each may wait for those before it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        last: Work | None = None,
        limit: float = LIMIT,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._last = last
        self._limit = limit
        self._patience = patience
        self._clock = clock
        self._waiting: deque[_Task] = deque()
        self._planned: tuple[float, Work] | None = None
        self._hanging: _Attempt | None = None
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"actions {name}", daemon=True)

    def start(self) -> None:
        """Begin with what waits; returns at once."""
        self._thread.start()

    def add(self, work: Work, ended: Callable[[str], None]) -> None:
        """Do this after what waits already; returns at once.

        `ended` is told why it failed, or "" when it is done; mostly on the lane's thread.
        """
        with self._changed:
            full = len(self._waiting) >= MOST_WAITING
            if not full:
                self._waiting.append(_Task(self._clock(), work, ended))
                self._changed.notify()
        if full:
            ended("too many commands at once")

    def end(self) -> None:
        """Drop what waits and do only the last thing yet; returns at once."""
        with self._changed:
            self._waiting.clear()
            if self._last:
                self._waiting.append(_Task(self._clock(), self._last, self._log))
            self._ending = True
            self._changed.notify()

    def join(self, timeout: float) -> None:
        """Wait until the last thing is done, for so many seconds at most."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while task := self._next():
            task.ended(self._outcome_of(task))

    def _next(self) -> _Task | None:
        """Wait for the next thing to do; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, self._pause())
            if self._waiting:
                return self._waiting.popleft()
            if self._ending or not self._planned:
                return None
            (_, work), self._planned = self._planned, None
            return _Task(self._clock(), work, self._log)

    def _pause(self) -> float | None:
        """Return the seconds until the planned thing is to be done; None where nothing is."""
        return max(0.0, self._planned[0] - self._clock()) if self._planned else None

    def _outcome_of(self, task: _Task) -> str:
        """Do a thing or give it up; return why it failed."""
        if self._hanging and self._hanging.is_alive():
            return f"{self._name} still hangs"
        if self._clock() - task.since > self._patience:
            return "too late"
        attempt = _Attempt(task.work, f"action {self._name}")
        attempt.start()
        attempt.join(self._limit)
        if attempt.is_alive():
            self._hanging = attempt
            return "took too long"
        if not attempt.failure:
            later = attempt.later
            self._planned = (self._clock() + later.seconds, later.work) if later else None
        return attempt.failure

    def _log(self, failure: str) -> None:
        """Be told the outcome of something that nobody asked for just now."""
        if failure:
            log.warning("%s: %s", self._name, failure)


class _Attempt(threading.Thread):
    """The thread that does one thing."""

    def __init__(self, work: Work, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self.later: Later | None = None
        self.failure = ""

    def run(self) -> None:
        """Do it, and keep how it ended."""
        try:
            self.later = self._work()
        except ActionError as error:
            self.failure = str(error)
        except Exception:
            # A lamp's defect must not end the captions, as one in any other thread would.
            log.exception("a defect in the %s", self.name)
            self.failure = "failed, see the log"
