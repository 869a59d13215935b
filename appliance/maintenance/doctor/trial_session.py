"""Trial session with the service, in which nobody says anything."""

import queue
import threading
import time
from collections.abc import Callable

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.unapplied import Unapplied
from appliance.maintenance.doctor.result import CheckResult, failed_with, fine, warning
from appliance.settings.schema import ServiceSettings
from appliance.streaming.configuration import unapplied
from appliance.streaming.messages import (
    TERMINATE,
    Begin,
    Message,
    ServiceError,
    Termination,
    decode,
)
from appliance.streaming.transport import Transport

SILENT_FRAMES = 5
"""Frames of a tenth of a second."""

FRAME_BYTES = SAMPLE_RATE // 10 * SAMPLE_BYTES

ANSWER_TIMEOUT = 3.0
"""Seconds for `Begin`, and again for `Termination`."""

CLOSE_TIMEOUT = 1.0
"""Seconds for the service to close the connection after its `Termination`."""


class TrialSession:
    """A session that sends half a second of silence and ends properly.

    Args:
        settings: where the service is.
        token: opens the session.
        clock: monotonic seconds.
        answer_timeout: seconds for the service to begin, and again to terminate.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        token: str,
        clock: Callable[[], float] = time.monotonic,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        self._clock = clock
        self._answer_timeout = answer_timeout
        # Unbounded: the service has nothing to say about silence. None: no more messages come.
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._error = ServiceError()
        self._asked = settings.parameters
        self._unapplied: tuple[Unapplied, ...] = ()
        self._opened_at = 0.0
        self._missing = ""
        self._ended_properly = False
        self._connection = Transport(settings, token, self)
        self._sender = threading.Thread(target=self._send_silence, name="trial session")

    def run(self) -> CheckResult:
        """Hold the session and return how it went."""
        began_at = self._clock()
        outcome = self._connection.run()
        self._messages.put(None)
        if self._sender.ident is not None:
            self._sender.join()
        if self._ended_properly:
            opened_in = self._opened_at - began_at
            found = f"a session opened in {opened_in:.1f} s, and was ended properly"
            return self._compared(found)
        text = self._connection.without_token(self._error.text)
        return failed_with(outcome.with_error(self._error.code, text), self._missing)

    def _compared(self, found: str) -> CheckResult:
        """Return a warning if the service applies other parameters than were asked for."""
        if not self._unapplied:
            return fine(found)
        return warning(
            f"{found}, but {', '.join(map(str, self._unapplied))}",
            "correct the settings under [service.parameters], or ask the service",
        )

    def opened(self) -> None:
        """Start to send silence (`on_open`)."""
        self._opened_at = self._clock()
        self._sender.start()

    def received(self, frame: str | bytes) -> None:
        """Take a message (`on_message`)."""
        message = decode(frame)
        if isinstance(message, ServiceError):
            self._error = message
        elif message is not None:
            if isinstance(message, Begin):
                self._unapplied = unapplied(self._asked, message.configuration)
            self._messages.put(message)

    def _send_silence(self) -> None:
        for _ in range(SILENT_FRAMES):
            self._connection.send_audio(bytes(FRAME_BYTES))
            self._connection.ended.wait(0.1)
        began = self._receives(Begin)
        self._connection.send_message(TERMINATE)
        self._ended_properly = began and self._receives(Termination)
        if not self._connection.ended.wait(CLOSE_TIMEOUT):
            self._connection.abort()

    def _receives(self, kind: type[Message]) -> bool:
        """Wait for a message of this kind; return whether it came."""
        deadline = self._clock() + self._answer_timeout
        try:
            while message := self._messages.get(timeout=max(0.0, deadline - self._clock())):
                if isinstance(message, kind):
                    return True
        except queue.Empty:
            self._missing = f"the service never said {kind.__name__}"
        return False
