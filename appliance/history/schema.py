"""Schema of the history's database: tables, and migrations from earlier versions."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence

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

_SPEAKERS = (
    "ALTER TABLE turn ADD COLUMN speaker TEXT NOT NULL DEFAULT ''",  # the service's label
    """CREATE TABLE IF NOT EXISTS speaker (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    origin INTEGER NOT NULL,    -- of the connection for which the label holds
    label TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (session, origin, label)
) WITHOUT ROWID""",
)
"""Who spoke each turn, and the names of those of whom one is known."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST_TABLES, _BOOTS, _SPEAKERS)
"""Statements that lead from each schema version to the next, in order; 0 is an empty file.

To change the schema, append to them and never edit an earlier one: boxes have run it already.
They may find their tables there: a database that was restored from SQLite's `.dump` has version 0.
Columns that are there already are left out, too.
A new column takes `("ALTER TABLE turn ADD COLUMN language TEXT",)`.
"""

SCHEMA_VERSION = len(MIGRATIONS)
"""The `PRAGMA user_version` of a database that has all migrations."""

_NEW_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)")


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
                    if not _adds_known_column(database, statement):
                        database.execute(statement)
                database.execute(f"PRAGMA user_version = {version}")


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
        misfit = primary_code(error) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)
        if misfit and not _has_own_schema(database):
            raise SchemaError(version_of(database)) from error
        raise


def version_of(database: sqlite3.Connection) -> int:
    """Return the schema version of a database."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def has_column(database: sqlite3.Connection, table: str, column: str) -> bool:
    """Return whether a table has a column; the schema may be that of another version."""
    asked = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?"
    return bool(database.execute(asked, (table, column)).fetchone())


def has_speakers(database: sqlite3.Connection) -> bool:
    """Return whether a database has a place for who spoke, and for their names."""
    return has_column(database, "turn", "speaker") and has_column(database, "speaker", "name")


def primary_code(error: Exception) -> int:
    """Return the error's SQLite result code, without the byte that narrows it down; 0 for none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _adds_known_column(database: sqlite3.Connection, statement: str) -> bool:
    """Return whether a statement adds a column that is there: SQLite has no IF NOT EXISTS here."""
    adds = _NEW_COLUMN.match(statement)
    return adds is not None and has_column(database, adds[1], adds[2])


def _has_own_schema(database: sqlite3.Connection) -> bool:
    with contextlib.closing(sqlite3.connect(":memory:")) as own:
        migrate(own)
        return _schema(database) == _schema(own)


def _schema(database: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    return database.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
