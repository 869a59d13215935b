"""Resumption of a session that a crash of the program interrupted."""

from collections.abc import Callable

from appliance.controller.open_sessions import OpenSessions
from appliance.controller.privacy import PrivacyGuard
from appliance.controller.states import Input, SessionMachine
from appliance.streaming.session import Session

RESUME_TIMEOUT = 20.0
"""Seconds for a screen or light to work before an interrupted session is only transcribed."""


class Resumption:
    """Resumption of an interrupted session: it goes on as soon as something can show it.

    If nothing can in time, or a press has begun another session, it is only transcribed.

    Args:
        machine: resumes it at the next START.
        privacy: whether anything can show it.
        open_sessions: transcribe it otherwise.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        machine: SessionMachine,
        privacy: PrivacyGuard,
        open_sessions: OpenSessions,
        clock: Callable[[], float],
    ) -> None:
        self._machine = machine
        self._privacy = privacy
        self._open_sessions = open_sessions
        self._clock = clock
        self._began_at = 0.0

    def begin(self, session: Session | None) -> None:
        """Note the session, if there is one."""
        self._machine.interrupted, self._began_at = session, self._clock()

    def advance(self) -> None:
        """Resume the session, or have it transcribed, if that is due."""
        if (session := self._machine.interrupted) is None:
            return
        if self._privacy.shown and not self._machine.live:
            self._machine.take(Input.START)
        elif self._machine.live or self._clock() - self._began_at > RESUME_TIMEOUT:
            self._machine.interrupted = None
            if not self._machine.live:
                self._open_sessions.note_microphone_closed()
            session.finish()
            self._open_sessions.deliveries.adopt(session)
            if not self._machine.live:
                self._open_sessions.deliveries.resume()
