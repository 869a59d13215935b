"""What was said, in SQLite: written on a thread of its own, so that nothing waits for the disk."""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from appliance.core.events import (
    Committed,
    Fault,
    HistoryFailed,
    HistoryRecovered,
    Post,
    TurnReceived,
)
from appliance.core.recording import Recording
from appliance.core.turns import Covered
from appliance.history import statements
from appliance.history.database import (
    SchemaError,
    is_damaged,
    open_database,
    schema_checked,
    set_aside,
)
from appliance.history.records import Mark, OutgoingTurn
from appliance.history.statements import Statement
from appliance.settings.schema import HistorySettings
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds between tries while the disk takes nothing."""

LONGEST_END = 10.0
"""Seconds to write what waits: a slow card needs some."""

CLEANING_INTERVAL = 3600.0
"""Seconds between looks for sessions that are older than `keep_days`."""

STEP = 1.0
"""Seconds by which the wall clock must have been set for times of this boot to be corrected."""


class Work(msgspec.Struct, frozen=True):
    """Statements that are committed together or not at all, and what is called once they are."""

    statements: tuple[Statement, ...]
    then: Callable[[], None] = lambda: None


class HistoryWriter:
    """Keeps sessions and their finished turns in a database.

    The thread "history" works off a queue and tries again what the disk refuses. The queue has no
    bound: it holds a sentence each few seconds at most, and none may be lost.

    Args:
        settings: where the database is, and for how long sessions stay in it.
        post: told what is on disk, and when the disk fails.
        outgoing: whether turns are also kept in a list of those still to be sent to others.

    Attributes:
        activity: what the thread is at; a disk may hang.
    """

    def __init__(
        self,
        settings: HistorySettings,
        post: Post,
        *,
        outgoing: bool = False,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        cleaning_interval: float = CLEANING_INTERVAL,
    ) -> None:
        self._path = Path(settings.path)
        self._post = post
        self._outgoing = outgoing
        self._keep_days = settings.keep_days
        self._wall_clock = wall_clock
        self._clock = clock
        self._cleaning_interval = cleaning_interval
        self._cleaned_at = float("-inf")
        self._recordings: dict[str, Recording] = {}
        self._works: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._database: sqlite3.Connection | None = None
        self._failed = False
        self.activity = BusyTimer("history")
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def end(self) -> None:
        """Write what waits, once, and end the thread.

        A disk that hangs must not keep the program from ending: the audio of what is not written
        is still there, and is transcribed again.
        """
        self._ending.set()
        self._works.put(None)
        self._thread.join(LONGEST_END)
        if self._thread.is_alive():
            log.error("the disk hangs, so not all of the history is written")

    def begin(self, recording: Recording) -> None:
        """Keep that a session has begun; one that is known already stays as it is."""
        self._recordings[recording.session] = recording
        self._put(statements.beginning(recording))

    def restart(self, session: str, covered: Covered) -> None:
        """Drop the turns that a new connection will hear again.

        Marks stay: what is heard again is not done again.
        """
        self._put(statements.dropping_uncovered(session, covered))

    def keep(self, heard: TurnReceived) -> None:
        """Keep a finished turn and what it covers, at once or not at all; posts `Committed`.

        Its session is there again if somebody deleted it, or if a new database had to begin.
        """
        begun = statements.beginning(self._recordings[heard.session])
        # First, while it can be told whether the turn is a new one.
        queued = [statements.queueing(heard)] if self._outgoing else []
        kept = statements.keeping(heard)
        covered = statements.covering(heard.session, heard.covered)
        formatted = (heard.origin, heard.turn.order) if heard.turn.formatted else None
        committed = Committed(heard.session, heard.covered, formatted=formatted)
        self._put(begun, *queued, kept, covered, then=partial(self._post, committed))

    def mark(self, session: str, mark: Mark) -> None:
        """Keep a mark; it replaces an earlier one of its kind at the same time.

        A command may end after its session. If that was deleted meanwhile, so is the mark.
        """
        recording = self._recordings.get(session)
        begun = [statements.beginning(recording)] if recording else []
        self._put(*begun, statements.marking(session, mark))

    def delivered(self, turn: OutgoingTurn, then: Callable[[], None] = lambda: None) -> None:
        """Note that an outgoing turn has arrived: it is not given out again.

        Args:
            turn: the one that arrived.
            then: called on the thread "history" once that is on disk; returns at once.
        """
        self._put(statements.dropping_outgoing(turn), then=then)

    def cover(self, session: str, covered: Covered) -> None:
        """Keep that audio is covered though no turn came of it; posts `Committed`."""
        committed = Committed(session, covered)
        self._put(statements.covering(session, covered), then=partial(self._post, committed))

    def finish(self, session: str, covered: Covered, ended: float) -> None:
        """Keep that a session ended, `ended` seconds after its start; posts `Committed`.

        One without words goes.
        """
        self._put(
            statements.covering(session, covered),
            statements.ending(session, ended),
            statements.dropping_empty(session),
            then=partial(self._post, Committed(session, covered, complete=True)),
        )
        self._recordings.pop(session, None)

    def correct_clock(self, boot: str) -> None:
        """Set right the times of this boot's sessions, once the clock was set.

        A Pi has no clock of its own: until the network gives it one, its times are wrong by an
        unknown step. The monotonic clock knows nothing of that step.
        """
        self._put(statements.correcting(boot, self._wall_clock() - self._clock(), STEP))

    def _put(self, *changes: Statement, then: Callable[[], None] = lambda: None) -> None:
        self._works.put(Work(changes, then))

    def _run(self) -> None:
        while (work := self._next()) is not None:
            while not self._done(work):
                if self._ending.wait(RETRY_INTERVAL):
                    break
        self._close()

    def _next(self) -> Work | None:
        """Return the next work; one without statements when it is time to look for old sessions."""
        try:
            return self._works.get(timeout=self._cleaning_interval if self._keep_days else None)
        except queue.Empty:
            return Work(())

    def _done(self, work: Work) -> bool:
        """Carry out the work; tell whether the disk took it."""
        try:
            with self.activity:
                self._carry_out(work)
        except (sqlite3.Error, OSError) as error:
            self._close()
            self._report_failure(error)
            return False
        work.then()
        self._report_recovery()
        return True

    def _carry_out(self, work: Work) -> None:
        try:
            self._write(work)
        except SchemaError as error:
            self._replace_database("newer", error)
            self._write(work)
        except sqlite3.Error as error:
            if is_damaged(error):
                self._replace_database("damaged", error)
            raise

    def _write(self, work: Work) -> None:
        if not self._path.exists():
            self._close()  # SQLite would go on writing to a file that somebody deleted
        self._database = self._database or open_database(self._path)
        with schema_checked(self._database):
            with self._database:
                for statement, values in work.statements:
                    self._database.execute(statement, values)
            self._drop_old(self._database)

    def _drop_old(self, database: sqlite3.Connection) -> None:
        due = self._clock() - self._cleaned_at >= self._cleaning_interval
        if self._keep_days and due:
            oldest = self._wall_clock() - self._keep_days * 86_400
            with database:
                database.execute(*statements.dropping_old(oldest))
            self._cleaned_at = self._clock()

    def _replace_database(self, why: Literal["damaged", "newer"], error: Exception) -> None:
        """Set the database aside; the next write begins a new one."""
        self._close()
        aside = set_aside(self._path, why, self._wall_clock())
        log.error("the history can't be used: %s. It is kept as %s; a new one begins", error, aside)

    def _report_failure(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            log.error("the history can't be written: %s; it is held in memory", error)
            self._post(HistoryFailed(Fault("Can't save", "check the SD card", detail=str(error))))

    def _report_recovery(self) -> None:
        if self._failed:
            self._failed = False
            log.info("the history is written again")
            self._post(HistoryRecovered())

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
