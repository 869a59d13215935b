"""Stand-ins for what surrounds a stream: a recording, a backlog, a transport without a network."""

import threading
from pathlib import Path

from appliance.core.events import Post
from appliance.core.network_errors import Cause
from appliance.core.recording import Recording
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.transport import Transport, TransportListener

BEGAN = 1000.0
"""When the recording began, on the monotonic clock."""


class FakeTransport(Transport):
    """A connection that opens at once and accepts everything, until a test changes that."""

    def __init__(self, listener: TransportListener) -> None:
        self.listener = listener
        self.ended = threading.Event()
        self.frames: list[bytes] = []
        self.messages: list[bytes] = []
        self.quiet_for = 0.0
        self.accepts = True
        self.opens = True
        self.outcome = Outcome(Stage.SESSION, cause=Cause.NETWORK)
        self.aborted = threading.Event()

    def run(self) -> Outcome:
        if self.opens:
            self.listener.opened()
        self.aborted.wait()
        self.ended.set()
        return self.outcome

    def send_audio(self, frame: bytes) -> bool:
        if self.accepts:
            self.frames.append(frame)
        else:
            self.abort()
        return self.accepts

    def send_message(self, message: bytes) -> bool:
        self.messages.append(message)
        return self.accepts

    def without_token(self, text: str) -> str:
        return text.replace("the-token", "…")

    def abort(self) -> None:
        self.aborted.set()

    @property
    def is_congested(self) -> bool:
        return False

    @property
    def unresponsive_for(self) -> float:
        return self.quiet_for

    def check(self) -> None:
        """Find nothing wrong."""

    @property
    def audio(self) -> bytes:
        return b"".join(self.frames)


def recording(session: str = "s1", *, finished: bool = False) -> Recording:
    return Recording(session, started=1.7e9, monotonic=BEGAN, boot="boot", finished=finished)


def backlog_of(audio: bytes, folder: Path, post: Post, *, finished: bool = True) -> Backlog:
    """Return a backlog, never opened, that holds this audio in memory."""
    backlog = Backlog(folder, recording(), post)
    if audio:
        backlog.append(audio, BEGAN)
    if finished:
        backlog.finish()
    return backlog
