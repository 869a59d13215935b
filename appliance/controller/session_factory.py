"""Factory of sessions: for a press of the button, and for audio left in the spool."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.core.events import Post
from appliance.core.recording import Recording, boot_id
from appliance.core.speakers import LabelKey
from appliance.core.turns import Covered
from appliance.history import reader
from appliance.history.location import make_way
from appliance.settings import Settings
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session, load_network
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.spool.inventory import recordings_in, spools
from appliance.system.listening_note import ListeningNote

NETWORK_LOADED_AFTER = 3.0
"""Seconds after the start at which the network modules are loaded: all else is done by then."""

RESUMED_WITHIN = 60.0
"""Seconds after a crash within which the microphone may open again without a press."""


class SessionFactory:
    """Makes sessions that keep their audio in the state directory.

    Args:
        settings: all settings.
        post: takes the sessions' events.
        clock: monotonic seconds.
        wall_clock: Unix seconds.
        load_after: seconds after `start` at which the network modules are loaded.

    Attributes:
        boot: the name of this boot.
        limit: seconds of audio to keep.
        listening: names the session whose microphone is open.
    """

    def __init__(
        self,
        settings: Settings,
        post: Post,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        load_after: float = NETWORK_LOADED_AFTER,
    ) -> None:
        self._settings = settings
        self._post = post
        self._clock = clock
        self._wall_clock = wall_clock
        self._spool = settings.spool
        self.listening = ListeningNote(settings.spool.parent)
        self.boot = boot_id()
        self.limit = settings.session.backlog
        self._loading = threading.Timer(load_after, load_network)
        self._loading.name = "network"
        self._loading.daemon = True

    def start(self) -> None:
        """Load the network modules in the background, once the box is idle; returns at once."""
        self._loading.start()

    def end(self) -> None:
        """Wait for the loading thread; the sessions are ended by their owner."""
        self._loading.cancel()
        if self._loading.is_alive():
            self._loading.join()

    def new(self) -> Session:
        """Return a running session whose recording starts now."""
        recording = Recording(
            session=os.urandom(4).hex(),
            started=self._wall_clock(),
            monotonic=self._clock(),
            boot=self.boot,
        )
        folder = self._spool / recording.session
        backlog = self._backlog(folder, recording, Covered(), is_new=True)
        backlog.open()
        return self.resume(backlog, Covered())

    def resume(
        self, backlog: Backlog, covered: Covered, retry_policy: RetryPolicy | None = None
    ) -> Session:
        """Return a running session that sends what an open backlog still holds.

        With the `retry_policy` of an earlier session, the next attempt comes when that session
        would have made it.
        """
        session = Session(
            backlog, self._settings.service, self._post, covered=covered, retry_policy=retry_policy
        )
        session.start()
        return session

    def began_at(self, backlog: Backlog) -> float | None:
        """Return the monotonic time at which a recording began; None if on an earlier boot."""
        recording = backlog.recording
        return recording.monotonic if recording.boot == self.boot else None

    def was_interrupted(self, backlog: Backlog) -> bool:
        """Return whether this recording was ended just now by a crash of the program alone.

        The manifest is not enough: a disk that took no writes does not say that a person ended the
        session. The note in memory does.
        """
        recording = backlog.recording
        if recording.finished or recording.boot != self.boot:
            return False
        if self.listening.read() != recording.session:
            return False
        ended_at = recording.monotonic + backlog.time_of(backlog.captured)
        return self._clock() - ended_at < RESUMED_WITHIN

    def labels_of(self, session: str) -> dict[LabelKey, int]:
        """Return the order of the first turn of each speaker that an earlier run heard."""
        return reader.labels(Path(self._settings.history.path), session)

    def left_over(self) -> list[tuple[Backlog, Covered]]:
        """Return opened backlogs for all recordings in the spool, the oldest first.

        What is covered comes from the database, which commits it together with the turns.
        """
        # First, since it decides which database says what is covered.
        covered = reader.covered(make_way(Path(self._settings.history.path)))
        self._spool, *others = spools(self._settings.spool)
        recordings = [it for place in (self._spool, *others) for it in recordings_in(place)]
        found = []
        for folder, recording in sorted(recordings, key=lambda pair: pair[1].started):
            known = covered.get(recording.session)
            backlog = self._backlog(folder, recording, known or Covered())
            backlog.open()
            # Not in the database: only audio that is still there will be heard again.
            found.append((backlog, known or Covered(backlog.start, backlog.start)))
        return found

    def _backlog(
        self, folder: Path, recording: Recording, covered: Covered, *, is_new: bool = False
    ) -> Backlog:
        return Backlog(
            folder,
            recording,
            self._post,
            covered=covered.position,
            is_new=is_new,
            limit=self._settings.session.backlog,
        )
