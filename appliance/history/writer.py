"""Writer thread of the history: nobody else waits for the disk."""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from appliance.core.events import (
    Committed,
    HistoryFailed,
    HistoryRecovered,
    Post,
    SpeakersRevised,
    SpeakersSaved,
    TurnReceived,
)
from appliance.core.recording import Recording, boot_id
from appliance.core.turns import Covered
from appliance.history import statements
from appliance.history.records import Mark, OutgoingTurn
from appliance.history.retention import PURGE_INTERVAL, Retention
from appliance.history.statements import Statement
from appliance.history.store import Store, Transaction
from appliance.settings.schema import HistorySettings
from appliance.system.supervision import BusyTimer
from appliance.system.wall_clock import clock_is_set

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds between tries while the disk refuses."""

LAST_WRITES_TIMEOUT = 10.0
"""Seconds to write what is queued when the program ends: a slow card needs some."""

STALLED_TIMEOUT = 2.0
"""The same where a write has taken that long already."""

CLOCK_STEP = 1.0
"""Seconds by which a session's start must differ from the clock that was set to be corrected."""


class HistoryWriter:
    """Writer of sessions, finished turns and marks to the database.

    Its thread "history" works off a queue and repeats what the disk refuses. The queue has no
    limit: it gets a sentence every few seconds at most, and none may be lost.

    >>> import tempfile
    >>> posted = []
    >>> folder = tempfile.TemporaryDirectory()
    >>> history = HistoryWriter(HistorySettings(path=f"{folder.name}/history.db"), posted.append)
    >>> history.start()
    >>> history.begin(Recording("9f3a", started=1_700_000_000.0, monotonic=12.5, boot="boot"))
    >>> history.cover("9f3a", Covered(16_000))
    >>> history.end()
    >>> posted[0].covered.position
    16000
    >>> folder.cleanup()

    Args:
        settings: where the database is, and for how many days sessions stay in it.
        post: takes `Committed`, `SpeakersSaved`, `HistoryFailed` and `HistoryRecovered`.
        outgoing: whether finished turns also wait in the database for `delivered`.
        wall_clock: Unix time in seconds.
        clock: monotonic seconds.
        is_set: tells whether the network has set the wall clock.
        boot: the name of this boot; empty for that of the machine.
        retry_interval: seconds between tries while the disk refuses.
        purge_interval: seconds between deletions of old sessions.

    Attributes:
        busy_timer: how long the thread has been at its present work; a disk may hang.
    """

    def __init__(
        self,
        settings: HistorySettings,
        post: Post,
        *,
        outgoing: bool = False,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        is_set: Callable[[], bool] = clock_is_set,
        boot: str = "",
        retry_interval: float = RETRY_INTERVAL,
        purge_interval: float = PURGE_INTERVAL,
    ) -> None:
        self._post = post
        self._outgoing = outgoing
        self._wall_clock = wall_clock
        self._clock = clock
        self._retry_interval = retry_interval
        self._retention = Retention(
            settings.keep_days,
            boot or boot_id(),
            wall_clock=wall_clock,
            clock=clock,
            is_set=is_set,
            interval=purge_interval,
        )
        self._store = Store(Path(settings.path), self._retention, wall_clock)
        self._recordings: dict[str, Recording] = {}
        self._queue: queue.SimpleQueue[Transaction | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._failed = False
        self.busy_timer = BusyTimer("history")
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """Try once to write what is queued, and end the thread.

        A disk that hangs must not keep the program from ending: the audio of unwritten turns is
        still in the spool and will be transcribed again.
        """
        self._ending.set()
        self._queue.put(None)
        stalls = self.busy_timer.lasts() > STALLED_TIMEOUT
        self._thread.join(STALLED_TIMEOUT if stalls else LAST_WRITES_TIMEOUT)
        if self._thread.is_alive():
            log.error("the disk hangs, so the last turns are not in the history yet")

    def begin(self, recording: Recording) -> None:
        """Write that a session has begun; a known one stays as it is."""
        self._recordings[recording.session] = recording
        self._put(statements.insert_session(recording))

    def drop_uncovered(self, session: str, covered: Covered) -> None:
        """Delete the turns that a new connection will hear again.

        Marks stay: a command that is heard again is not carried out again.
        """
        self._put(
            statements.delete_uncovered_turns(session, covered),
            speakers=[statements.delete_uncovered_names(session, covered)],
        )

    def save_turn(self, heard: TurnReceived) -> None:
        """Write a finished turn and what it covers in one transaction; post `Committed`.

        A session that was deleted, or is not in a new database yet, is written again.
        """
        session = statements.insert_session(self._recordings[heard.session])
        # Before its turn: only then is it known whether the turn is new.
        queued = [statements.insert_outgoing(heard)] if self._outgoing else []
        turn = statements.upsert_turn(heard)
        covered = statements.cover(heard.session, heard.covered)
        formatted = (heard.origin, heard.turn.order) if heard.turn.formatted else None
        committed = Committed(heard.session, heard.covered, formatted=formatted)
        key, label = (heard.origin, heard.turn.order), heard.turn.speaker
        self._put(
            *(session, *queued, turn, covered),
            speakers=[statements.set_speaker(heard.session, key, label)] if label else [],
            then=partial(self._post, committed),
        )

    def revise_speakers(self, revised: SpeakersRevised) -> None:
        """Write who spoke turns that are there already; post `SpeakersSaved`."""
        self._put(
            speakers=[
                statements.set_speaker(revised.session, (revised.origin, it.order), it.speaker)
                for it in revised.revisions
            ],
            then=partial(self._post, SpeakersSaved(revised.session)),
        )

    def name_speaker(self, session: str, origin: int, label: str, name: str) -> None:
        """Write the name of a connection's speaker; post `SpeakersSaved`."""
        self._put(
            speakers=[statements.name_speaker(session, origin, label, name)],
            then=partial(self._post, SpeakersSaved(session)),
        )

    def save_mark(self, session: str, mark: Mark) -> None:
        """Write a mark; it replaces an earlier one of its kind and time.

        A command may end after its session. If that was deleted meanwhile, the mark is dropped.
        """
        recording = self._recordings.get(session)
        begun = [statements.insert_session(recording)] if recording else []
        self._put(*begun, statements.upsert_mark(session, mark))

    def delivered(self, turn: OutgoingTurn, then: Callable[[], None] = lambda: None) -> None:
        """Take a turn that has arrived off the outgoing ones.

        Args:
            turn: the one that arrived.
            then: called on the thread "history" once that is on disk; must return at once.
        """
        self._put(statements.delete_outgoing(turn), then=then)

    def cover(self, session: str, covered: Covered) -> None:
        """Write that audio is covered though no turn came of it; post `Committed`."""
        committed = Committed(session, covered)
        self._put(statements.cover(session, covered), then=partial(self._post, committed))

    def finish(self, session: str, covered: Covered, ended: float) -> None:
        """Write that a session ended `ended` seconds after its start; post `Committed`.

        A session without turns is deleted.
        """
        self._put(
            statements.cover(session, covered),
            statements.end_session(session, ended),
            statements.delete_session_without_turns(session),
            then=partial(self._post, Committed(session, covered, complete=True)),
        )
        self._recordings.pop(session, None)

    def correct_clock(self, boot: str) -> None:
        """Correct the times of this boot's sessions after the clock was set.

        A Pi has no clock of its own: until the network sets it, its times are wrong by an unknown
        step, which the monotonic clock does not make.
        """
        offset = self._wall_clock() - self._clock()
        self._put(statements.correct_times(boot, offset, CLOCK_STEP))

    def _put(
        self,
        *changes: Statement,
        speakers: Sequence[Statement] = (),
        then: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue.put(Transaction(changes, tuple(speakers), then))

    def _run(self) -> None:
        while (transaction := self._next()) is not None:
            while not self._done(transaction):
                if self._ending.wait(self._retry_interval):
                    break
        self._store.close()

    def _next(self) -> Transaction | None:
        """Return the next transaction; one without statements when old sessions must be deleted."""
        try:
            return self._queue.get(timeout=self._retention.next_look)
        except queue.Empty:
            return Transaction(())

    def _done(self, transaction: Transaction) -> bool:
        """Carry out the transaction and report; return whether the disk took it."""
        try:
            with self.busy_timer:
                self._store.commit(transaction)
        except (sqlite3.Error, OSError) as error:
            self._store.close()
            self._report_failure(error)
            return False
        transaction.then()
        self._report_recovery()
        return True

    def _report_failure(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            log.error("the history can't be written: %s; it is held in memory", error)
            self._post(HistoryFailed(self._store.fault_of(error)))

    def _report_recovery(self) -> None:
        if self._failed:
            self._failed = False
            log.info("the history is written again")
            self._post(HistoryRecovered())
