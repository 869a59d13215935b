"""Time limit of a network exchange: a total, whatever its peers do.

A socket's own timeout counts from the last byte, so a peer that sends one now and then is waited
for without end. At its end, a time limit shuts its sockets down: whoever waits for them gets an
error.
"""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

TIME_IS_UP = "no answer in time"


class TimeLimit:
    """Time limit of what is done in its `with` block; any thread may cancel it.

    A block that is left after the end raises `TimeoutError`: the libraries have many names for a
    socket that was shut down, and some take it for the end of an answer.

        with TimeLimit(10.0) as limit:
            connection = connect("example.org", 443, limit)
            ...  # all of it takes 10 s at most

    Args:
        seconds: the total.
        within: a limit that this one is part of: its end and its cancellation count here, too.
        clock: monotonic seconds.

    Attributes:
        ran_out: whether the end, or a cancellation, came before the block was left.
    """

    def __init__(
        self,
        seconds: float = math.inf,
        within: "TimeLimit | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._ends_at = clock() + seconds
        self._within = within
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.ran_out = False
        self._sockets: list[socket.socket] = []
        self._parts: set[TimeLimit] = set()
        self._watchdog: threading.Thread | None = None
        if within:
            self._ends_at = min(self._ends_at, within._ends_at)
            within._add(self)

    @property
    def left(self) -> float:
        """Seconds until the end, at least 0."""
        return 0.0 if self._over.is_set() else max(0.0, self._ends_at - self._clock())

    @property
    def is_over(self) -> bool:
        """Whether the time is up, or the limit was cancelled."""
        return self.left == 0.0

    def check(self) -> None:
        """Raise `TimeoutError` after the end."""
        if self.is_over:
            raise TimeoutError(TIME_IS_UP)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the end."""
        self._over.wait(min(seconds, self.left))

    def watch(self, sock: socket.socket) -> None:
        """Shut this socket down at the end, whatever becomes of the object."""
        with self._lock:
            self._sockets.append(sock.dup())  # TLS takes the descriptor away from the object
            if self._watchdog is None and self._ends_at < math.inf:
                self._watchdog = threading.Thread(
                    target=self._await_end, name="time limit", daemon=True
                )
                self._watchdog.start()
        if self.is_over:
            self.cancel()

    def cancel(self) -> None:
        """End now; returns at once."""
        self._over.set()
        with self._lock:
            parts = self._parts.copy()
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for part in parts:
            part.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()
        is_plain = error is None or isinstance(error, Exception)
        if self.ran_out and is_plain and not isinstance(error, TimeoutError):
            raise TimeoutError(TIME_IS_UP) from error

    def end(self) -> None:
        """Leave the sockets to others: the exchange is over."""
        self.ran_out = self.ran_out or self.is_over
        with self._lock:  # first of all: from here on the sockets belong to others
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()
        self._over.set()
        if self._within:
            self._within._remove(self)
        if self._watchdog:
            self._watchdog.join()

    def _add(self, part: "TimeLimit") -> None:
        with self._lock:
            self._parts.add(part)
        if self.is_over:
            part.cancel()

    def _remove(self, part: "TimeLimit") -> None:
        with self._lock:
            self._parts.discard(part)

    def _await_end(self) -> None:
        while not self._over.is_set():
            if self.is_over:
                self.cancel()
            self._over.wait(min(self.left, threading.TIMEOUT_MAX))
