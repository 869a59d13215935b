"""Values that the columns of the history may hold: a failing card may have left others.

SQLite's own search for damage does not look at them, as any column takes a value of any type.
"""

import sqlite3
from typing import Annotated

import msgspec

from appliance.history.schema import has_column

EARLIEST, LATEST = -1e10, 1e11
"""Bounds of Unix times and of seconds, which a calendar can show."""

Seconds = Annotated[float, msgspec.Meta(ge=EARLIEST, le=LATEST)]
"""Unix time, or seconds after another time."""

_TEXT = "typeof({0}) = 'text'"
_WHOLE = "typeof({0}) = 'integer'"
_SECONDS = f"typeof({{0}}) IN ('integer', 'real') AND {{0}} BETWEEN {EARLIEST} AND {LATEST}"

_COLUMNS = {
    "session": {
        "id": _TEXT,
        "started": _SECONDS,
        "ended": f"({{0}} IS NULL OR {_SECONDS})",
        "covered_position": _WHOLE,
        "covered_origin": _WHOLE,
        "covered_order": _WHOLE,
    },
    "turn": {
        "session": _TEXT,
        "origin": _WHOLE,
        "turn_order": _WHOLE,
        "text": _TEXT,
        "started": _SECONDS,
        "ended": _SECONDS,
    },
    "mark": {"session": _TEXT, "kind": _TEXT, "at": _SECONDS, "text": _TEXT, "outcome": _TEXT},
}

USABLE = {
    table: " AND ".join(value.format(f"{table}.{name}") for name, value in columns.items())
    for table, columns in _COLUMNS.items()
}
"""SQL condition for rows of each table whose values can be used."""


def refuse_damaged_values(database: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` (SQLITE_CORRUPT) if a row has a value that can't be used.

    Tables that another version of the program has changed are passed over.
    """
    for table, columns in _COLUMNS.items():
        if not all(has_column(database, table, name) for name in columns):
            continue
        asked = f"SELECT 1 FROM {table} WHERE NOT ({USABLE[table]}) LIMIT 1"  # noqa: S608 - constants
        if database.execute(asked).fetchone():
            damaged = sqlite3.DatabaseError(f"values in its table {table} can't be used")
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged
