"""SQLite database of the history: opening it, and setting aside an unusable one."""

import contextlib
import errno
import io
import itertools
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from appliance.core.speakers import LabelKey
from appliance.history import statements
from appliance.history.schema import migrate, primary_code, schema_checked

LOCK_TIMEOUT = 5.0
"""Seconds to wait for another program that writes to the database."""


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
    return primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_unreadable(error: Exception) -> bool:
    """Return whether an error means that a part of the file can't be read, or is broken."""
    return is_damaged(error) or primary_code(error) == sqlite3.SQLITE_IOERR


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
        if primary_code(error) == sqlite3.SQLITE_INTERRUPT:
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


def name_speaker(path: Path, session: str, name: str, speaker: LabelKey) -> None:
    """Write the name of a session's speaker, or delete it if it is empty.

    Raises:
        sqlite3.Error, OSError: the database can't be written.
        SchemaError: the database is of a version without speakers.
    """
    with (
        contextlib.closing(open_database(path)) as database,
        schema_checked(database),
        database,
    ):
        if name:
            database.execute(*statements.name_speaker(session, *speaker, name))
        else:
            database.execute(*statements.delete_name(session, *speaker))


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
