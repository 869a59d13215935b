"""What stands around the parts under test: an inbox, a recording, a networkless connection."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from appliance.core.events import Event
from appliance.core.network_errors import Cause
from appliance.core.recording import Recording
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.transport import Listener, Transport

BEGAN = 1000.0
"""When the recording began, on the monotonic clock."""

Kind = TypeVar("Kind", bound=Event)


class Inbox:
    """Takes what is posted."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def post(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in list(self.events) if isinstance(event, kind)]


class FakeTransport(Transport):
    """A connection that opens at once and takes everything, until it is told otherwise."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.ended = threading.Event()
        self.frames: list[bytes] = []
        self.messages: list[bytes] = []
        self.quiet_for = 0.0
        self.takes = True
        self.opens = True
        self.outcome = Outcome(Stage.SESSION, cause=Cause.NETWORK)
        self.aborted = threading.Event()
        self.on_message: Callable[[bytes], None] = lambda _: None

    def run(self) -> Outcome:
        if self.opens:
            self.listener.opened()
        self.aborted.wait()
        self.ended.set()
        return self.outcome

    def send_audio(self, frame: bytes) -> bool:
        if self.takes:
            self.frames.append(frame)
        else:
            self.abort()
        return self.takes

    def send_message(self, message: bytes) -> bool:
        self.messages.append(message)
        self.on_message(message)
        return self.takes

    def without_token(self, text: str) -> str:
        return text.replace("the-token", "…")

    def abort(self) -> None:
        self.aborted.set()

    @property
    def is_congested(self) -> bool:
        return False

    @property
    def silence(self) -> float:
        return self.quiet_for

    def check(self) -> None:
        """Find nothing wrong."""

    @property
    def audio(self) -> bytes:
        return b"".join(self.frames)


def recording(session: str = "s1", *, finished: bool = False) -> Recording:
    return Recording(session, started=1.7e9, monotonic=BEGAN, boot="boot", finished=finished)


def backlog_of(
    audio: bytes, folder: Path, post: Callable[[Event], None], *, finished: bool = True
) -> Backlog:
    """Return a backlog, never opened, that holds this audio in memory."""
    backlog = Backlog(folder, recording(), post)
    if audio:
        backlog.append(audio, BEGAN)
    if finished:
        backlog.finish()
    return backlog
