"""SQLite database of the history: its schema, opening it, and setting aside an unusable one."""

import contextlib
import errno
import io
import itertools
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

LOCK_TIMEOUT = 5.0
"""Seconds to wait for another program that writes to the database."""

_FIRST_TABLES = (
    """CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY,
    started REAL NOT NULL,      -- Unix time
    ended REAL,                 -- Unix time
    boot TEXT NOT NULL,
    monotonic REAL NOT NULL,    -- the start, on the monotonic clock of that boot
    covered_position INTEGER NOT NULL DEFAULT 0,
    covered_origin INTEGER NOT NULL DEFAULT 0,
    covered_order INTEGER NOT NULL DEFAULT 0
)""",
    """CREATE TABLE IF NOT EXISTS turn (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    origin INTEGER NOT NULL,
    turn_order INTEGER NOT NULL,
    text TEXT NOT NULL,
    started REAL NOT NULL,      -- seconds after the session's start
    ended REAL NOT NULL,
    PRIMARY KEY (session, origin, turn_order)
) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS mark (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    at REAL NOT NULL,           -- seconds after the session's start
    text TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (session, kind, at)
) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS outgoing (
    session TEXT NOT NULL,
    origin INTEGER NOT NULL,
    turn_order INTEGER NOT NULL,
    PRIMARY KEY (session, origin, turn_order),
    FOREIGN KEY (session, origin, turn_order) REFERENCES turn (session, origin, turn_order)
        ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED  -- written before its turn, while that can be told to be new
) WITHOUT ROWID""",
)
"""The tables of version 0.3.0, word for word; it and earlier versions numbered no schema."""

_BOOTS = (
    """CREATE TABLE IF NOT EXISTS boot (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    seen REAL,                  -- Unix time that the clock showed last; NULL: nobody set it
    believed INTEGER NOT NULL DEFAULT 0,
    over REAL                   -- Unix time by which it was over, where its clock is not believed
)""",
)
"""What is known of the clock, for the deletion of old sessions."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST_TABLES, _BOOTS)
"""Statements that lead from each schema version to the next, in order; 0 is an empty file.

To change the schema, append to them and never edit an earlier one: boxes have run it already.
They may find their tables there: a database that was restored from SQLite's `.dump` has version 0.
A new column takes `("ALTER TABLE turn ADD COLUMN language TEXT",)`.
"""

SCHEMA_VERSION = len(MIGRATIONS)
"""The `PRAGMA user_version` of a database that has all migrations."""


class SchemaError(sqlite3.DatabaseError):
    """The tables are not those of this version of the program, and a statement does not fit them.

    `version` is the `PRAGMA user_version` of the database.
    """

    def __init__(self, version: int) -> None:
        super().__init__(
            "a newer version of the program wrote it; update the program to use it"
            if version > SCHEMA_VERSION
            else "its tables are not the program's own"
        )


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database for writing; create it, or bring its schema up to date.

    A database of a newer version stays as it is.

    Raises:
        sqlite3.Error, OSError: the disk refused, or the file is damaged.
        SchemaError: the schema can't be brought up to date.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_irregular(path)
    # SQLite would let others read a new file; one that is there keeps its mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=LOCK_TIMEOUT)
    with contextlib.ExitStack() as unless_ready:
        unless_ready.callback(database.close)
        # First, so that a reader finds all tables or an empty file.
        with schema_checked(database):
            migrate(database)
        # With a write-ahead log and full syncs, a power cut takes nothing that was committed.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")  # what is deleted is gone from the card
        unless_ready.pop_all()
    return database


def migrate(database: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Carry out the migrations that a database lacks, all of them or none.

    >>> with contextlib.closing(sqlite3.connect(":memory:")) as database:
    ...     migrate(database)
    ...     migrate(database, (*MIGRATIONS, ("ALTER TABLE turn ADD COLUMN language TEXT",)))
    ...     version_of(database) - SCHEMA_VERSION
    1

    Raises:
        sqlite3.Error: the disk refused, or a statement does not fit the tables.
    """
    if version_of(database) >= len(migrations):
        return
    with database:
        database.execute("BEGIN IMMEDIATE")  # another program may be about to do the same
        for version, statements in enumerate(migrations, start=1):
            if version_of(database) < version:
                for statement in statements:
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {version}")


@contextlib.contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for reading only, until the `with` block ends; its schema may be older.

    Raises:
        sqlite3.Error: the database can't be opened, or the block can't read it.
        SchemaError: the block reads what is not in the schema.
    """
    with (
        contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database,
        schema_checked(database),
    ):
        database.text_factory = readable
        yield database


@contextlib.contextmanager
def schema_checked(database: sqlite3.Connection) -> Iterator[None]:
    """Raise `SchemaError` where statements fail on a schema that is not this version's own.

    Where the schema is damaged, SQLite's own message may be no text.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        damaged = sqlite3.DatabaseError("the database's schema is damaged")
        damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damaged from error
    except sqlite3.Error as error:
        misfit = _primary_code(error) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)
        if misfit and not _has_own_schema(database):
            raise SchemaError(version_of(database)) from error
        raise


def is_there(path: Path, mode: str) -> bool:
    """Return whether a file exists and is not empty.

    Args:
        path: the database.
        mode: how it will be opened, "rb" or "r+b".

    Raises:
        OSError: the file can't be opened, and why; SQLite would not say why.
    """
    _refuse_irregular(path)
    try:
        with path.open(mode) as file:
            return file.seek(0, io.SEEK_END) > 0
    except FileNotFoundError:
        return False


def _refuse_irregular(path: Path) -> None:
    """Raise OSError if something other than a file is there, such as a device or a pipe."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))


def is_damaged(error: Exception) -> bool:
    """Return whether an error means that the file itself is broken."""
    return _primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_unreadable(error: Exception) -> bool:
    """Return whether an error means that a part of the file can't be read, or is broken."""
    return is_damaged(error) or _primary_code(error) == sqlite3.SQLITE_IOERR


def readable(text: bytes) -> str:
    """Return a text of the database, of which damaged letters are replaced."""
    return text.decode("utf-8", "replace")


def find_damage(path: Path, seconds: float) -> str:
    """Return what is wrong with a database; empty if nothing is, or was found in that time.

    Raises:
        sqlite3.Error, OSError: the database can't be opened.
    """
    deadline = time.monotonic() + seconds
    try:
        with open_for_reading(path) as database:
            database.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
            found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
            return "" if found == "ok" else found
    except sqlite3.Error as error:
        if is_unreadable(error):
            return str(error)
        if _primary_code(error) == sqlite3.SQLITE_INTERRUPT:
            return ""
        raise


def set_aside(path: Path, why: Literal["damaged", "newer"], now: float) -> Path:
    """Rename a database, so that a new one can begin; return its new path, which says why.

    Raises:
        OSError: the disk refused.
    """
    # The clock may be wrong and give a time for the second time.
    names = (f"{path.name}.{why}-{now + later:.0f}" for later in itertools.count())
    aside = next(it for it in map(path.with_name, names) if not it.exists())
    # The database itself comes last: its log must never be taken for the new one's.
    for suffix in ("-shm", "-wal", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def files_set_aside(path: Path) -> list[Path]:
    """Return the databases that were set aside in favour of this one, by name."""
    names = re.compile(rf"{re.escape(path.name)}\.(damaged|newer)-\d+")
    return sorted(it for it in path.parent.glob("*") if names.fullmatch(it.name))


def delete_session(path: Path, session: str) -> bool:
    """Delete a session with its turns and marks; return whether there was one.

    Raises:
        sqlite3.Error, OSError: the database can't be written.
    """
    if not is_there(path, "r+b"):
        return False
    with (
        contextlib.closing(open_database(path)) as database,
        schema_checked(database),
        database,
    ):
        return database.execute("DELETE FROM session WHERE id = ?", (session,)).rowcount > 0


def _has_own_schema(database: sqlite3.Connection) -> bool:
    with contextlib.closing(sqlite3.connect(":memory:")) as own:
        migrate(own)
        return _schema(database) == _schema(own)


def _schema(database: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    return database.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


def version_of(database: sqlite3.Connection) -> int:
    """Return the schema version of a database."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _primary_code(error: Exception) -> int:
    """Return the error's SQLite result code, without the byte that narrows it down; 0 for none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
