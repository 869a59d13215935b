"""Deliveries: sessions that ended before all was transcribed, finished in the background."""

import logging
from collections import deque
from collections.abc import Callable

from appliance.streaming.backlog import Backlog
from appliance.streaming.session import Session
from appliance.turns import SAMPLE_RATE, Covered

log = logging.getLogger(__name__)


class Deliveries:
    """Works off what waits: one at a time, oldest first, and only while no live session runs.

    `begin` makes a running session over a backlog. All calls come from the controller's thread.
    """

    def __init__(self, begin: Callable[[Backlog, Covered], Session]) -> None:
        self._begin = begin
        self._waiting: deque[tuple[Backlog, Covered]] = deque()
        self._running: Session | None = None
        self._paused = False

    def add(self, backlog: Backlog, covered: Covered) -> None:
        """Take over a backlog that is finished but not wholly transcribed."""
        log.info("session %s still has audio to transcribe; it is kept", backlog.session)
        self._waiting.append((backlog, covered))
        self._proceed()

    def adopt(self, session: Session) -> None:
        """Let a session that is finishing end by itself beside the live one that begins."""
        self.pause()
        self._running = session

    def disconnected(self, name: str) -> None:
        """Take note that a session lost its connection: an adopted one will not end soon."""
        if self._paused and self._running and self._running.name == name:
            self._running.abandon()

    def pause(self) -> None:
        """Let the live session go first."""
        self._paused = True
        if self._running:
            self._running.abandon()

    def resume(self) -> None:
        """Go on: there is no live session."""
        self._paused = False
        self._proceed()

    def ended(self, session: Session, *, complete: bool) -> None:
        """Take note that the session of a delivery ended; what is left of it waits again."""
        if session is self._running:
            self._running = None
        if not complete:
            self._waiting.appendleft((session.backlog, session.progress().covered))
        self._proceed()

    @property
    def seconds(self) -> float:
        """How much audio still waits to be transcribed, in seconds."""
        waiting = sum(backlog.captured - covered.position for backlog, covered in self._waiting)
        if self._running:
            progress = self._running.progress()
            waiting += progress.captured - progress.covered.position
        return waiting / SAMPLE_RATE

    def _proceed(self) -> None:
        if self._waiting and not (self._running or self._paused):
            self._running = self._begin(*self._waiting.popleft())
