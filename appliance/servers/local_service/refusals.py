"""Refusals: the protocol's error codes, and the exception that ends a session with one."""

UNAUTHORIZED = 1008
SERVICE_ERROR = 3005
INVALID = 3006
AUDIO_VIOLATION = 3007
SESSION_EXPIRED = 3008
TOO_MANY_SESSIONS = 3009

INACTIVE = "Session terminated due to inactivity"
"""The words for a silent client; their code is `INVALID`, so that they alone tell it from one."""


class RefusedError(Exception):
    """The session can't begin or continue: the client receives `Error` and a close frame.

    `code` is that of both; the message is a sentence for the client.
    """

    def __init__(self, code: int, error: str) -> None:
        self.code = code
        super().__init__(error)
