"""Queue of deliveries: sessions that ended before all was transcribed, finished in background."""

import bisect
import logging
from collections.abc import Callable

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog

log = logging.getLogger(__name__)


class DeliveryQueue:
    """Transcribes waiting backlogs, one at a time, oldest first, while no live session runs.

    All calls come from the controller's thread.

    Args:
        begin: returns a running session over a backlog.
        limit: seconds of audio to keep of all that waits; beyond it the oldest is dropped.
    """

    def __init__(
        self, begin: Callable[[Backlog, Covered, RetryPolicy], Session], limit: float = 3600.0
    ) -> None:
        self._begin = begin
        self._limit = round(limit * SAMPLE_RATE)
        self._waiting: list[tuple[Backlog, Covered]] = []
        self._running: Session | None = None
        self._paused = False
        self._retry_policy = RetryPolicy()

    def add(self, backlog: Backlog, covered: Covered) -> None:
        """Take over a backlog that is finished but not wholly transcribed."""
        log.info("keeping audio of session %s that is not transcribed yet", backlog.session)
        self._enqueue(backlog, covered)
        self._start_next()

    def adopt(self, session: Session) -> None:
        """Let a finishing session end by itself beside the live one that begins."""
        if self._running:
            self._running.abandon()
        self._running = session
        self._paused = True

    def disconnected(self, name: str) -> None:
        """Note that a session lost its connection: an adopted one will not end soon."""
        if self._paused and self._running and self._running.name == name:
            self._running.abandon()

    def pause(self) -> None:
        """Let the live session go first; an adopted one ends beside it."""
        if self._running and not self._paused:
            self._running.abandon()
        self._paused = True

    def resume(self) -> None:
        """Continue: there is no live session."""
        self._paused = False
        self._start_next()

    def ended(self, session: Session, *, complete: bool) -> None:
        """Note that a session ended; what is not transcribed waits again."""
        if session is self._running:
            self._running = None
        if not complete:
            self._retry_policy = session.retry_policy
            self._enqueue(session.backlog, session.progress().covered)
        self._start_next()

    @property
    def waiting(self) -> list[Backlog]:
        """Backlogs that wait for their turn, the oldest first."""
        return [backlog for backlog, _ in self._waiting]

    @property
    def seconds(self) -> float:
        """Seconds of audio that still wait to be transcribed."""
        waiting = sum(backlog.captured - covered.position for backlog, covered in self._waiting)
        if self._running:
            progress = self._running.progress()
            waiting += progress.captured - progress.covered.position
        return waiting / SAMPLE_RATE

    def _enqueue(self, backlog: Backlog, covered: Covered) -> None:
        bisect.insort(self._waiting, (backlog, covered), key=lambda pair: pair[0].recording.started)
        excess = sum(kept.captured - kept.start for kept, _ in self._waiting) - self._limit
        for kept, _ in self._waiting:
            excess -= kept.shed(excess)

    def _start_next(self) -> None:
        if self._waiting and not (self._running or self._paused):
            self._running = self._begin(*self._waiting.pop(0), self._retry_policy)
