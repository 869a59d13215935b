"""A message that somebody waits for: published now, or never."""

import threading
from collections import deque
from collections.abc import Iterator

from appliance.core.errors import ActionError

NO_BROKER = "no broker"
NO_ANSWER = "no answer from the broker"
REFUSES = "the broker refuses"


class AwaitedMessage:
    """A message, and what becomes of it; nothing is kept for later.

    `due` is when the broker must have answered, in monotonic seconds.
    """

    def __init__(self, topic: str, payload: bytes, due: float) -> None:
        self.topic = topic
        self.payload = payload
        self.due = due
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._failure = ""

    def wait(self, seconds: float) -> None:
        """Wait for its end.

        Raises:
            ActionError: it failed, or takes longer; then it will not be published any more.
        """
        if not self._ended.wait(seconds):
            self.end(NO_ANSWER)
        if self._failure:
            raise ActionError(self._failure)

    def is_wanted(self) -> bool:
        """Tell whether somebody still waits for it."""
        return not self._ended.is_set()

    def end(self, failure: str = "") -> None:
        """It was published, or failed; its first end counts."""
        with self._lock:
            if not self._ended.is_set():
                self._failure = failure
                self._ended.set()


class Errands:
    """The messages that somebody waits for. `add` may be called by any thread.

    There are as many as people who wait: each hands over one at a time.
    """

    def __init__(self) -> None:
        self._new: deque[AwaitedMessage] = deque()
        self._sent: list[AwaitedMessage] = []

    def add(self, errand: AwaitedMessage) -> None:
        """Take a message."""
        self._new.append(errand)

    def take(self) -> Iterator[AwaitedMessage]:
        """Yield those that are to be published now, and are still wanted."""
        self._sent = [errand for errand in self._sent if errand.is_wanted()]
        while self._new:
            errand = self._new.popleft()
            if errand.is_wanted():
                self._sent.append(errand)
                yield errand

    def drop(self, now: float) -> None:
        """The broker is gone or given up: whatever it has not acknowledged has failed."""
        for errand in (*self.take(), *self._sent):
            errand.end(NO_BROKER if now < errand.due else NO_ANSWER)
