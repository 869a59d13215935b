"""The database of what was said: its shape, and reading from it.

The one who writes to it is the history.
"""

import contextlib
import io
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from appliance.core.turns import Covered

log = logging.getLogger(__name__)

_SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY,
    started REAL NOT NULL,      -- Unix time
    ended REAL,                 -- Unix time
    boot TEXT NOT NULL,
    monotonic REAL NOT NULL,    -- the start, on the monotonic clock of that boot
    covered_position INTEGER NOT NULL DEFAULT 0,
    covered_origin INTEGER NOT NULL DEFAULT 0,
    covered_order INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS turn (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    origin INTEGER NOT NULL,
    turn_order INTEGER NOT NULL,
    text TEXT NOT NULL,
    started REAL NOT NULL,      -- seconds after the session's start
    ended REAL NOT NULL,
    PRIMARY KEY (session, origin, turn_order)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    at REAL NOT NULL,           -- seconds after the session's start
    text TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (session, kind, at)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outgoing (
    session TEXT NOT NULL,
    origin INTEGER NOT NULL,
    turn_order INTEGER NOT NULL,
    PRIMARY KEY (session, origin, turn_order),
    FOREIGN KEY (session, origin, turn_order) REFERENCES turn (session, origin, turn_order)
        ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED  -- written before its turn, while that can be told to be new
) WITHOUT ROWID;
COMMIT;
"""

Kind = Literal["command", "mark", "note"]
"""What a mark is: a command that was heard, a bookmark, or a note."""


class Mark(msgspec.Struct, frozen=True):
    """What somebody put into the history by word, `at` seconds after the session's start.

    `text` is what a command is called, or what a note says. The `outcome` of a command is "heard"
    until it has ended; then it is why it failed, and empty if it was done.
    """

    kind: Kind
    at: float
    text: str
    outcome: str = ""


class KeptMark(msgspec.Struct, frozen=True):
    """A mark as it is kept; `at` in Unix time."""

    kind: Kind
    at: float
    text: str
    outcome: str


class KeptTurn(msgspec.Struct, frozen=True):
    """A finished turn; `started` and `ended` in Unix time."""

    order: int
    text: str
    started: float
    ended: float


class KeptSession(msgspec.Struct, frozen=True):
    """A session with its turns and marks, each in the order of time.

    `started` and `ended` are Unix time; there is no end while it goes on.
    """

    id: str
    started: float
    ended: float | None
    turns: tuple[KeptTurn, ...]
    marks: tuple[KeptMark, ...] = ()


class Outgoing(msgspec.Struct, frozen=True):
    """A finished turn that is still to be sent to others; `started` and `ended` in Unix time.

    `origin` and `order` are its key in the session.
    """

    session: str
    origin: int
    order: int
    text: str
    started: float
    ended: float

    @property
    def id(self) -> str:
        """What no other turn is called, whichever database it lies in."""
        return f"{self.session}-{self.origin}-{self.order}"


def sessions(path: Path, wanted: str | None = None) -> Iterator[KeptSession]:
    """Yield the sessions in a database, the oldest first; or just the one named or `last`.

    Raises:
        sqlite3.Error, OSError: the database can't be read.
    """
    if not _is_there(path, "rb"):
        return
    with _reading(path) as database:
        rows = database.execute(
            "SELECT id, started, ended FROM session"
            " WHERE :wanted IS NULL OR id = :wanted"
            " OR :wanted = 'last' AND started = (SELECT max(started) FROM session)"
            " ORDER BY started",
            {"wanted": wanted},
        )
        for id_, started, ended in rows.fetchall():
            turns = _turns(database, id_, started)
            yield KeptSession(id_, started, ended, turns, _marks(database, id_, started))


def outgoing(path: Path, limit: int = 32) -> list[Outgoing]:
    """Return the first turns that are still to be sent: by session as these began, then as said.

    A turn that is not covered has to wait: a new connection would hear it again.

    Raises:
        sqlite3.Error, OSError: the database can't be read.
    """
    if not _is_there(path, "rb"):
        return []
    with _reading(path) as database:
        if not _has_table(database, "outgoing"):
            return []
        rows = database.execute(
            "SELECT session.id, turn.origin, turn.turn_order, turn.text,"
            " session.started + turn.started, session.started + turn.ended"
            # So it need not sort thousands that wait. A row's number tells which session began
            # first, even if the clock was wrong then.
            " FROM session CROSS JOIN outgoing ON outgoing.session = session.id"
            " CROSS JOIN turn USING (session, origin, turn_order)"
            " WHERE (outgoing.origin, outgoing.turn_order) < (covered_origin, covered_order)"
            " ORDER BY session.rowid, outgoing.origin, outgoing.turn_order LIMIT ?",
            (limit,),
        )
        return [Outgoing(*row) for row in rows]


def covered(path: Path) -> dict[str, Covered]:
    """Return what is covered of each session; nothing when the database can't be read."""
    try:
        if not _is_there(path, "rb"):
            return {}
        with _reading(path) as database:
            rows = database.execute(
                "SELECT id, covered_position, covered_origin, covered_order FROM session"
            )
            return {id_: Covered(*position) for id_, *position in rows}
    except (sqlite3.Error, OSError) as error:
        log.warning("the history can't be read: %s", error)
        return {}


def last_marks(path: Path, of_sessions: Sequence[str]) -> dict[str, float]:
    """Return when the last mark of each session was said, in seconds after the session's start.

    Nothing of a session without one, nor when the database can't be read.
    """
    try:
        if not (of_sessions and _is_there(path, "rb")):
            return {}
        with _reading(path) as database:
            if not _has_table(database, "mark"):
                return {}
            asked = "SELECT max(at) FROM mark WHERE session = ?"
            found = {it: database.execute(asked, (it,)).fetchone()[0] for it in of_sessions}
            return {session: at for session, at in found.items() if at is not None}
    except (sqlite3.Error, OSError) as error:
        log.warning("the history can't be read: %s", error)
        return {}


def delete(path: Path, session: str) -> bool:
    """Delete a session with its turns and marks; tell whether there was one.

    Raises:
        sqlite3.Error, OSError: the database can't be written.
    """
    if not _is_there(path, "r+b"):
        return False
    with contextlib.closing(open_database(path)) as database, database:
        return database.execute("DELETE FROM session WHERE id = ?", (session,)).rowcount > 0


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database for writing, and make it where there is none.

    Raises:
        sqlite3.Error, OSError: the disk refused, or the file is damaged.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=5.0)
    with contextlib.ExitStack() as unless_ready:
        unless_ready.callback(database.close)
        path.chmod(0o600)
        # First, so that who reads finds all of it or an empty file.
        database.executescript(_SCHEMA)
        # With a write-ahead log and full syncs, a power cut takes nothing that was committed.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")  # what is deleted is gone from the card
        unless_ready.pop_all()
    return database


def is_damaged(error: Exception) -> bool:
    """Tell whether an error means that the file itself is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what narrows it down
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def set_aside(path: Path, now: float) -> None:
    """Keep a damaged database for somebody to mend, and let a new one begin.

    Raises:
        OSError: the disk refused.
    """
    aside = path.with_name(f"{path.name}.damaged-{now:.0f}")
    # The database itself comes last: its log must never be taken for the new one's.
    for suffix in ("-shm", "-wal", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.error("the history is damaged; it is kept as %s, and a new one begins", aside)


def _turns(database: sqlite3.Connection, session: str, began_at: float) -> tuple[KeptTurn, ...]:
    rows = database.execute(
        "SELECT text, started, ended FROM turn WHERE session = ? ORDER BY origin, turn_order",
        (session,),
    )
    return tuple(
        KeptTurn(order, text, began_at + started, began_at + ended)
        for order, (text, started, ended) in enumerate(rows)
    )


def _marks(database: sqlite3.Connection, session: str, began_at: float) -> tuple[KeptMark, ...]:
    if not _has_table(database, "mark"):
        return ()
    rows = database.execute(
        "SELECT kind, at, text, outcome FROM mark WHERE session = ? ORDER BY at, kind", (session,)
    )
    return tuple(KeptMark(kind, began_at + at, text, outcome) for kind, at, text, outcome in rows)


def _has_table(database: sqlite3.Connection, name: str) -> bool:
    """Tell whether a table is there: an earlier version of the program made fewer."""
    return bool(database.execute("SELECT 1 FROM pragma_table_info(?)", (name,)).fetchone())


def _reading(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))


def _is_there(path: Path, mode: str) -> bool:
    """Tell whether there is a file with something in it; raise OSError if it may not be opened.

    SQLite would only say that it could not, not why.
    """
    try:
        with path.open(mode) as file:
            return file.seek(0, io.SEEK_END) > 0
    except FileNotFoundError:
        return False
