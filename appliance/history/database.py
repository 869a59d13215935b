"""SQLite database of the history: its schema, opening it, and setting a damaged file aside."""

import contextlib
import io
import logging
import sqlite3
from pathlib import Path

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


def delete_session(path: Path, session: str) -> bool:
    """Delete a session with its turns and marks; tell whether there was one.

    Raises:
        sqlite3.Error, OSError: the database can't be written.
    """
    if not is_there(path, "r+b"):
        return False
    with contextlib.closing(open_database(path)) as database, database:
        return database.execute("DELETE FROM session WHERE id = ?", (session,)).rowcount > 0


def open_for_reading(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """Open the database for reading only, until the `with` block ends.

    Raises:
        sqlite3.Error: the database can't be opened.
    """
    return contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))


def is_there(path: Path, mode: str) -> bool:
    """Tell whether there is a file with something in it; raise OSError if it may not be opened.

    SQLite would only say that it could not, not why.
    """
    try:
        with path.open(mode) as file:
            return file.seek(0, io.SEEK_END) > 0
    except FileNotFoundError:
        return False
