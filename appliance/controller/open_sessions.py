"""Audio in custody: every session's audio is held until all of it is transcribed and on record."""

import time
from collections.abc import Sequence

from appliance.controller.session_factory import SessionFactory
from appliance.core import events
from appliance.core.turns import Covered
from appliance.history.writer import HistoryWriter
from appliance.streaming.delivery_queue import DeliveryQueue
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog

CLOSING_TIME = 10.0
"""Seconds for all sessions to end: less than systemd leaves the program."""


class OpenSessions:
    """All sessions whose audio is still held: the live one, deliveries, and what waits.

    Audio goes when the history says that what it was transcribed to is on disk. All calls come
    from the controller's thread.
    """

    def __init__(self, sessions: SessionFactory, history: HistoryWriter) -> None:
        self._sessions = sessions
        self._history = history
        self._held: dict[str, Session] = {}
        self.deliveries = DeliveryQueue(self._deliver, sessions.limit)

    def begin(self) -> Session:
        """Begin a new session; what waits gives way to it."""
        self.deliveries.pause()
        session = self._sessions.new()
        self._history.begin(session.backlog.recording)
        self._held[session.name] = session
        return session

    def take_up(self, left_over: Sequence[tuple[Backlog, Covered]]) -> Session | None:
        """Go on with what an earlier run of the program did not bring to its end.

        A session that only a crash of the program cut off is returned: it goes on listening.
        """
        interrupted = [pair for pair in left_over if self._sessions.was_cut_off(pair[0])][-1:]
        if interrupted:
            self.deliveries.pause()
        for backlog, covered in left_over:
            self._history.begin(backlog.recording)
            if (backlog, covered) in interrupted:
                continue
            backlog.finish()
            if covered.position < backlog.captured:
                self.deliveries.add(backlog, covered)
            else:  # the program ended after the last word was kept, and before this
                self._history.finish(backlog.session, covered, backlog.time_of(backlog.captured))
                backlog.remove()
        return self._deliver(*interrupted[0], RetryPolicy()) if interrupted else None

    def began_at(self, session: str) -> float | None:
        """Return when a session began, on the monotonic clock; None if that was an earlier boot."""
        held = self._held.get(session)
        return self._sessions.began_at(held.backlog) if held else None

    def ended(self, event: events.SessionEnded) -> None:
        """Take note that a session's threads are gone; what is left of it waits."""
        session = self._held[event.session]
        if event.complete:
            covered = session.progress().covered
            ended = session.backlog.time_of(session.backlog.captured)
            self._history.finish(session.name, covered, ended)
        self.deliveries.ended(session, complete=event.complete)

    def committed(self, event: events.Committed) -> None:
        """Let go of audio whose words are on disk."""
        session = self._held.get(event.session)
        if session is None:
            return
        session.backlog.release(event.covered.position)
        if event.complete:
            session.backlog.remove()
            del self._held[session.name]

    def close(self) -> None:
        """End all sessions and wait for them; what they hold stays on disk."""
        for session in self._held.values():
            session.abandon()
        deadline = time.monotonic() + CLOSING_TIME
        for session in self._held.values():
            session.join(max(0.0, deadline - time.monotonic()))
            session.backlog.close()
        self.deliveries.close()

    def _deliver(self, backlog: Backlog, covered: Covered, retry_policy: RetryPolicy) -> Session:
        session = self._sessions.over(backlog, covered, retry_policy)
        self._held[session.name] = session
        return session
