"""Deliveries: sessions that ended before all was transcribed, finished in the background."""

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
    """Works off what waits: one at a time, oldest first, and only while no live session runs.

    `begin` makes a running session over a backlog. Of all that waits, `limit` seconds of audio are
    kept; beyond that the oldest goes. All calls come from the controller's thread.
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
        log.info("session %s still has audio to transcribe; it is kept", backlog.session)
        self._queue_up(backlog, covered)
        self._proceed()

    def adopt(self, session: Session) -> None:
        """Let a session that is finishing end by itself beside the live one that begins."""
        if self._running:
            self._running.abandon()
        self._running = session
        self._paused = True

    def disconnected(self, name: str) -> None:
        """Take note that a session lost its connection: an adopted one will not end soon."""
        if self._paused and self._running and self._running.name == name:
            self._running.abandon()

    def pause(self) -> None:
        """Let the live session go first; one that was adopted ends beside it."""
        if self._running and not self._paused:
            self._running.abandon()
        self._paused = True

    def resume(self) -> None:
        """Go on: there is no live session."""
        self._paused = False
        self._proceed()

    def ended(self, session: Session, *, complete: bool) -> None:
        """Take note that the session of a delivery ended; what is left of it waits again."""
        if session is self._running:
            self._running = None
        if not complete:
            self._retry_policy = session.retry_policy
            self._queue_up(session.backlog, session.progress().covered)
        self._proceed()

    def close(self) -> None:
        """Let go of what waits; it stays on disk."""
        for backlog, _ in self._waiting:
            backlog.close()

    @property
    def seconds(self) -> float:
        """How much audio still waits to be transcribed, in seconds."""
        waiting = sum(backlog.captured - covered.position for backlog, covered in self._waiting)
        if self._running:
            progress = self._running.progress()
            waiting += progress.captured - progress.covered.position
        return waiting / SAMPLE_RATE

    def _queue_up(self, backlog: Backlog, covered: Covered) -> None:
        bisect.insort(self._waiting, (backlog, covered), key=lambda pair: pair[0].recording.started)
        excess = sum(kept.captured - kept.start for kept, _ in self._waiting) - self._limit
        for kept, _ in self._waiting:
            excess -= kept.shed(excess)

    def _proceed(self) -> None:
        if self._waiting and not (self._running or self._paused):
            self._running = self._begin(*self._waiting.pop(0), self._retry_policy)
