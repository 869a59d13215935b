"""Registry of sessions whose audio is not yet wholly transcribed and stored."""

import time
from collections.abc import Sequence

from appliance.controller.session_factory import SessionFactory
from appliance.core import events
from appliance.core.speakers import LabelKey
from appliance.core.turns import Covered
from appliance.history.writer import HistoryWriter
from appliance.streaming.delivery_queue import DeliveryQueue
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog, close_all

CLOSE_TIMEOUT = 10.0
"""Seconds for all sessions to end; systemd leaves the program more."""


class OpenSessions:
    """Sessions that hold audio: the live one and those transcribed in the background.

    Audio is released when the history has committed its words. Used by the controller's thread
    alone.

    Args:
        sessions: makes sessions.
        history: stores them.

    Attributes:
        deliveries: the sessions that are transcribed in the background.
    """

    def __init__(self, sessions: SessionFactory, history: HistoryWriter) -> None:
        self._sessions = sessions
        self._history = history
        self._held: dict[str, Session] = {}
        self._labels: dict[str, dict[LabelKey, int]] = {}
        self.deliveries = DeliveryQueue(self._resume, sessions.limit)

    def begin(self) -> Session:
        """Begin a new session; background deliveries pause."""
        self.deliveries.pause()
        session = self._sessions.new()
        self._history.begin(session.backlog.recording)
        self._held[session.name] = session
        return session

    def resume(self, left_over: Sequence[tuple[Backlog, Covered]]) -> Session | None:
        """Resume what an earlier run of the program left over.

        Returns the session that a crash of the program interrupted just now, if any: it goes on
        listening. All others are transcribed in the background.
        """
        interrupted = [pair for pair in left_over if self._sessions.was_interrupted(pair[0])][-1:]
        if interrupted:
            self.deliveries.pause()
        for backlog, covered in left_over:
            self._history.begin(backlog.recording)
            if (backlog, covered) in interrupted:
                continue
            backlog.finish()
            if covered.position < backlog.captured:
                self.deliveries.add(backlog, covered)
            else:  # the program ended between the last commit and the removal of the audio
                self._history.finish(backlog.session, covered, backlog.time_of(backlog.captured))
                backlog.remove()
        if not interrupted:
            return None
        resumed = self._resume(*interrupted[0], RetryPolicy())
        self._labels[resumed.name] = self._sessions.labels_of(resumed.name)
        return resumed

    def labels_before(self, session: Session) -> dict[LabelKey, int]:
        """Return the order of the first turn of each speaker that an earlier run heard."""
        return self._labels.pop(session.name, {})

    def note_microphone_open(self, session: Session) -> None:
        """Note, for the time after a crash, that the microphone is open for a session."""
        self._sessions.listening.write(session.name)

    def note_microphone_closed(self) -> None:
        """Note that the microphone is closed: no session goes on listening after a crash."""
        self._sessions.listening.clear()

    def spool_busy_for(self) -> float:
        """Return the seconds that the longest present write or reading of audio takes."""
        return max((it.backlog.busy_for() for it in [*self._held.values()]), default=0.0)

    def began_at(self, session: str) -> float | None:
        """Return when a session began, in monotonic seconds; None if before this boot."""
        held = self._held.get(session)
        return self._sessions.began_at(held.backlog) if held else None

    def ended(self, event: events.SessionEnded) -> None:
        """Store the end of a complete session; queue the rest of another for delivery."""
        session = self._held[event.session]
        if event.complete:
            covered = session.progress().covered
            ended = session.backlog.time_of(session.backlog.captured)
            self._history.finish(session.name, covered, ended)
        self.deliveries.ended(session, complete=event.complete)

    def committed(self, event: events.Committed) -> None:
        """Release audio whose words are on disk."""
        session = self._held.get(event.session)
        if session is None:
            return
        session.backlog.release(event.covered.position)
        if event.complete:
            session.backlog.remove()
            del self._held[session.name]

    def close(self) -> None:
        """End all sessions and wait for them; their audio stays on disk."""
        for session in self._held.values():
            session.abandon()
        deadline = time.monotonic() + CLOSE_TIMEOUT
        for session in self._held.values():
            session.join(max(0.0, deadline - time.monotonic()))
        backlogs = [*(session.backlog for session in self._held.values()), *self.deliveries.waiting]
        close_all(backlogs)

    def _resume(self, backlog: Backlog, covered: Covered, retry_policy: RetryPolicy) -> Session:
        session = self._sessions.resume(backlog, covered, retry_policy)
        self._held[session.name] = session
        return session
