"""A worker for one target: runs one piece of work after another, each within a time limit."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from appliance.core.errors import ActionError
from appliance.system.supervision import OverdueError, run_within

log = logging.getLogger(__name__)

TIME_LIMIT = 5.0
"""Seconds after which a piece of work is given up."""

WAITING_LIMIT = 10.0
"""Seconds that work may wait for its turn: a lamp that goes on late is wrong."""

QUEUE_LENGTH = 16
"""Pieces of work that may wait; more than a person asks for in one breath."""


class Later(NamedTuple):
    """Work to do in so many seconds, unless other work is done before."""

    seconds: float
    work: "Work"


Work = Callable[[], Later | None]
"""One piece of work; raises ActionError if it can't be done."""


class _Task(NamedTuple):
    since: float
    work: Work
    ended: Callable[[str], None]


class TargetWorker:
    """The worker of one target, such as a pin, a host or the broker.

    Each piece of work runs on a thread of its own: a thread that hangs in a library can't be ended
    and is left behind. While it hangs, nothing more is tried on this target, so a worker leaves at
    most one such thread. Other targets have workers of their own.

        worker = TargetWorker("GPIO 22", last=pin.close)
        worker.start()
        worker.add(pin.on, ended=print)
        worker.end()
        worker.join(3.0)

    Args:
        name: of the target, in words for the screen.
        last: runs at the end; what waits by then is dropped.
        limit: seconds that one piece of work may take.
        waiting_limit: seconds that work may wait for its turn.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        last: Work | None = None,
        limit: float = TIME_LIMIT,
        waiting_limit: float = WAITING_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._last = last
        self._limit = limit
        self._waiting_limit = waiting_limit
        self._clock = clock
        self._waiting: deque[_Task] = deque()
        self._planned: tuple[float, Work] | None = None
        self._hanging: threading.Thread | None = None
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"actions {name}", daemon=True)

    def start(self) -> None:
        """Begin to work; returns at once."""
        self._thread.start()

    def add(self, work: Work, ended: Callable[[str], None]) -> None:
        """Add a piece of work to the queue; returns at once.

        `ended` gets the reason of the failure, or "" for success; mostly on the worker's thread.
        """
        with self._changed:
            full = len(self._waiting) >= QUEUE_LENGTH
            if not full:
                self._waiting.append(_Task(self._clock(), work, ended))
                self._changed.notify()
        if full:
            ended("too many commands at once")

    def end(self) -> None:
        """Drop what waits and do the last piece of work; returns at once."""
        with self._changed:
            self._waiting.clear()
            if self._last:
                self._waiting.append(_Task(self._clock(), self._last, self._log))
            self._ending = True
            self._changed.notify()

    def join(self, timeout: float) -> None:
        """Wait for the last piece of work, for so many seconds at most."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while task := self._next():
            task.ended(self._outcome_of(task))

    def _next(self) -> _Task | None:
        """Wait for the next piece of work; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, self._pause())
            if self._waiting:
                return self._waiting.popleft()
            if self._ending or not self._planned:
                return None
            (_, work), self._planned = self._planned, None
            return _Task(self._clock(), work, self._log)

    def _pause(self) -> float | None:
        """Return the seconds until planned work is due; None where nothing is planned."""
        return max(0.0, self._planned[0] - self._clock()) if self._planned else None

    def _outcome_of(self, task: _Task) -> str:
        """Do a piece of work or give it up; return why it failed."""
        if self._hanging and self._hanging.is_alive():
            return f"{self._name} still hangs"
        if self._clock() - task.since > self._waiting_limit:
            return "too late"
        name = f"action {self._name}"
        try:
            later = run_within(self._limit, task.work, name)
        except OverdueError as overdue:
            self._hanging = overdue.thread
            return "took too long"
        except ActionError as error:
            return str(error)
        except Exception:
            # An error in a lamp's action must not end the captions, as one in other threads does.
            log.exception("unexpected error in the %s", name)
            return "failed, see the log"
        self._planned = (self._clock() + later.seconds, later.work) if later else None
        return ""

    def _log(self, failure: str) -> None:
        """Log the failure of work that no request asked for."""
        if failure:
            log.warning("%s: %s", self._name, failure)
