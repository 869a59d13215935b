"""Sessions that wait for the microphone's last piece."""

from collections import deque

from appliance.streaming.session import Session

PATIENCE = 3.0
"""Seconds for the last piece; a microphone that hangs must not hold up the words before."""


class Closing:
    """Whose audio is still to be completed, in the order in which the microphone was closed."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Session]] = deque()

    def begin(self, session: Session, now: float) -> None:
        """Note that the microphone was closed for a session."""
        self._waiting.append((now, session))

    def closed(self) -> None:
        """The microphone has delivered all: the session that waits longest is complete."""
        if self._waiting:
            self._waiting.popleft()[1].finish()

    def overdue(self, now: float) -> list[Session]:
        """Return the sessions that wait in vain, and are not complete yet."""
        return [
            session
            for since, session in self._waiting
            if now - since > PATIENCE and not session.backlog.finished
        ]
