"""SQLite database of the history: opening it, looking for damage, and changes by commands."""

import contextlib
import errno
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.core.speakers import LabelKey
from appliance.history import statements
from appliance.history.location import is_read_only
from appliance.history.schema import migrate, primary_code, schema_checked
from appliance.history.values import refuse_damaged_values

_MISPLACED = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
}

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
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    elif not os.access(path, os.R_OK | os.W_OK):
        code = errno.EROFS if is_read_only(path.parent) else errno.EACCES
        raise OSError(code, os.strerror(code), str(path))
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
    uri = f"{path.as_uri()}?mode=ro"
    if is_read_only(path.parent) and not path.with_name(f"{path.name}-wal").exists():
        uri += "&immutable=1"  # SQLite would want to create the files that it keeps beside it
    with (
        contextlib.closing(sqlite3.connect(uri, uri=True)) as database,
        schema_checked(database),
    ):
        database.text_factory = readable
        yield database


def is_there(path: Path, access: int = os.R_OK) -> bool:
    """Return whether a file exists and is not empty.

    Args:
        path: the database.
        access: what it will be used for, as for `os.access`.

    Raises:
        OSError: the file can't be opened, and why; SQLite would not say why.
    """
    _refuse_irregular(path)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    # Not opened: to close it again would release the locks that SQLite has on it in this process.
    if not os.access(path, access):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return size > 0


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


def is_misplaced(error: Exception, path: Path) -> bool:
    """Return whether an error means that no database can be at a path, however good the disk is."""
    if isinstance(error, OSError):
        return error.errno in _MISPLACED
    refused = primary_code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
    return refused and not is_read_only(path.parent) and not os.access(path.parent, os.W_OK)


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
            if found == "ok":
                refuse_damaged_values(database)
            return "" if found == "ok" else found
    except sqlite3.Error as error:
        if is_unreadable(error):
            return str(error)
        if primary_code(error) == sqlite3.SQLITE_INTERRUPT:
            return ""
        raise


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
    if not is_there(path, os.R_OK | os.W_OK):
        return False
    with (
        contextlib.closing(open_database(path)) as database,
        schema_checked(database),
        database,
    ):
        return database.execute("DELETE FROM session WHERE id = ?", (session,)).rowcount > 0
