"""Supervision of threads: hang detector, deadlines, and the end after an unhandled error."""

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

from appliance.core.events import Post, UnhandledError

log = logging.getLogger(__name__)

Result = TypeVar("Result")

SHUTDOWN_TIME = 15.0
"""Seconds that the threads have to end, before the program ends without them."""


class BusyTimer:
    """Hang detector: how long a part's thread has been busy with one piece of work.

    A thread that hangs in a driver can neither say so nor be ended; other threads read the timer.

        >>> busy_timer = BusyTimer("display")
        >>> with busy_timer:
        ...     busy_timer.lasts() >= 0.0
        True
        >>> busy_timer.lasts()
        0.0

    Args:
        part: name of the part that the thread belongs to.
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
        """Return the seconds that the current piece of work has taken; 0 while there is none."""
        since = self._since
        return 0.0 if since is None else self._clock() - since


class OverdueError(Exception):
    """Work that did not end in time; its `thread` goes on, and then has a `result`."""

    def __init__(self, thread: "_Attempt[Any]") -> None:
        self.thread: threading.Thread = thread
        self.result: Callable[[], Any] = thread.result
        super().__init__(f"{thread.name} took too long")


def run_within(seconds: float, work: Callable[[], Result], name: str) -> Result:
    """Run work on a thread of its own and return its result.

    Python can't end a thread that hangs in a library, so it is left behind.

        >>> run_within(5.0, lambda: 6 * 7, "sum")
        42

    Args:
        seconds: time that the work may take.
        work: the work; what it raises is raised here.
        name: name of the thread.

    Raises:
        OverdueError: the work took longer.
    """
    attempt = _Attempt(work, name)
    attempt.start()
    attempt.join(seconds)
    if attempt.is_alive():
        raise OverdueError(attempt)
    return attempt.result()


class _Attempt(threading.Thread, Generic[Result]):
    """Thread of one piece of work."""

    def __init__(self, work: Callable[[], Result], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._results: list[Result] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._error = error

    def result(self) -> Result:
        """Return the result of the work, or raise its error."""
        if self._error:
            raise self._error
        return self._results[0]


def end_on_unhandled_errors(post: Post, found: threading.Event) -> None:
    """Let any unhandled error in a thread end the program, which would only look alive without it.

    Args:
        post: gets an UnhandledError.
        found: is set before that.
    """

    def hook(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "a thread"
        log.critical("unhandled error in the thread %s; ending", name, exc_info=args.exc_value)
        found.set()
        post(UnhandledError())

    threading.excepthook = hook


def end_soon(seconds: float = SHUTDOWN_TIME) -> None:
    """End the program after some seconds even if a thread hangs; systemd starts it again."""
    timer = threading.Timer(seconds, _end_now)
    timer.name, timer.daemon = "forced end", True
    timer.start()


def _end_now() -> None:
    log.critical("a thread does not end; ending the program without it")
    logging.shutdown()
    os._exit(1)
