"""Where sessions come from: a press of the button, or audio that still lies in the spool."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.core.events import Post
from appliance.core.recording import Recording, boot_id
from appliance.core.turns import Covered
from appliance.history import reader
from appliance.settings.schema import Settings
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session, load_network
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.spool.manifest import found_in

AT_REST = 3.0
"""Seconds after the start in which everything else is loaded, also on a Zero."""

JUST_NOW = 60.0
"""Seconds after which nobody expects the microphone to open again without a press."""


class SessionFactory:
    """Makes sessions that post to `post` and keep their audio in the state directory."""

    def __init__(
        self,
        settings: Settings,
        post: Post,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        at_rest: float = AT_REST,
    ) -> None:
        self._settings = settings
        self._post = post
        self._clock = clock
        self._wall_clock = wall_clock
        self._spool = settings.spool
        self.boot = boot_id()
        self.limit = settings.session.backlog
        self._loading = threading.Timer(at_rest, load_network)
        self._loading.name = "network"
        self._loading.daemon = True

    def start(self) -> None:
        """Load what talks to the network once the box is at rest; returns at once."""
        self._loading.start()

    def end(self) -> None:
        """Wait for the thread that loads; the sessions are ended by whoever asked for them."""
        self._loading.cancel()
        if self._loading.is_alive():
            self._loading.join()

    def new(self) -> Session:
        """Begin a session that starts now."""
        recording = Recording(
            session=os.urandom(4).hex(),
            started=self._wall_clock(),
            monotonic=self._clock(),
            boot=self.boot,
        )
        backlog = self._backlog(recording, Covered())
        backlog.open()
        return self.over(backlog, Covered())

    def over(
        self, backlog: Backlog, covered: Covered, retry_policy: RetryPolicy | None = None
    ) -> Session:
        """Begin to bring to the service what an open backlog still holds.

        With the `retry_policy` of an earlier session, the next try comes when it would have there.
        """
        session = Session(
            backlog, self._settings.service, self._post, covered=covered, retry_policy=retry_policy
        )
        session.start()
        return session

    def began_at(self, backlog: Backlog) -> float | None:
        """Return when a recording began, on the monotonic clock; None if it was an earlier boot."""
        recording = backlog.recording
        return recording.monotonic if recording.boot == self.boot else None

    def was_cut_off(self, backlog: Backlog) -> bool:
        """Tell whether a crash of the program alone, just now, ended this recording."""
        recording = backlog.recording
        if recording.finished or recording.boot != self.boot:
            return False
        ended_at = recording.monotonic + backlog.moment(backlog.captured)
        return self._clock() - ended_at < JUST_NOW

    def left_over(self) -> list[tuple[Backlog, Covered]]:
        """Return opened backlogs for all that lies in the spool, the oldest first.

        What is covered is for the database to say: it is committed with the turns.
        """
        covered = reader.covered(Path(self._settings.history.path))
        found = []
        for _, recording in found_in(self._spool):
            known = covered.get(recording.session)
            backlog = self._backlog(recording, known or Covered())
            backlog.open()
            # Unknown: what was said before the oldest audio won't be heard again, that is sure.
            found.append((backlog, known or Covered(backlog.start, backlog.start)))
        return found

    def _backlog(self, recording: Recording, covered: Covered) -> Backlog:
        return Backlog(
            self._spool / recording.session,
            recording,
            self._post,
            covered=covered.position,
            limit=self._settings.session.backlog,
        )
