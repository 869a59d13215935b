"""Databases of other versions of the program: the SQL that makes them, and a session in each."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from appliance.history.schema import MIGRATIONS, SCHEMA_VERSION

V0_2 = """
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
"""

MARKS = """
CREATE TABLE IF NOT EXISTS mark (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    at REAL NOT NULL,           -- seconds after the session's start
    text TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (session, kind, at)
) WITHOUT ROWID;
"""

OUTGOING = """
CREATE TABLE IF NOT EXISTS outgoing (
    session TEXT NOT NULL,
    origin INTEGER NOT NULL,
    turn_order INTEGER NOT NULL,
    PRIMARY KEY (session, origin, turn_order),
    FOREIGN KEY (session, origin, turn_order) REFERENCES turn (session, origin, turn_order)
        ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED  -- written before its turn, while that can be told to be new
) WITHOUT ROWID;
"""

NUMBERED_OUTGOING = """
CREATE TABLE IF NOT EXISTS outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    origin INTEGER NOT NULL,
    turn_order INTEGER NOT NULL,
    UNIQUE (session, origin, turn_order),
    FOREIGN KEY (session, origin, turn_order) REFERENCES turn (session, origin, turn_order)
        ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED  -- written before its turn, while that can be told to be new
);
"""

BOOTS = """
CREATE TABLE IF NOT EXISTS boot (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    seen REAL,                  -- Unix time that the clock showed last; NULL: nobody set it
    believed INTEGER NOT NULL DEFAULT 0,
    over REAL                   -- Unix time by which it was over, where its clock is not believed
);
"""

OLDER = {
    "0.2": V0_2,
    "0.3, without MQTT and commands": V0_2 + MARKS,
    "0.3, before its release": V0_2 + MARKS + NUMBERED_OUTGOING,
    "0.3.0": V0_2 + MARKS + OUTGOING,
    "schema 2": V0_2 + MARKS + OUTGOING + BOOTS + "PRAGMA user_version = 2;",
}
"""Tables of earlier versions; most of them numbered no schema."""


def _demanding(table: str) -> str:
    """Return tables of which one has a column that this version does not fill."""
    head = f"CREATE TABLE IF NOT EXISTS {table} ("
    assert head in PRESENT
    return PRESENT.replace(head, f"{head}\n    demanded TEXT NOT NULL,")


PRESENT = ";".join(statement for statements in MIGRATIONS for statement in statements) + ";"

NAMED = f"PRAGMA user_version = {SCHEMA_VERSION};"
NEWER = f"PRAGMA user_version = {SCHEMA_VERSION + 1};"

FITTING = {
    "a higher version alone": (PRESENT, NEWER),
    "columns without a value": (
        PRESENT,
        NEWER
        + "ALTER TABLE session ADD COLUMN device TEXT; ALTER TABLE turn ADD COLUMN language TEXT;"
        "ALTER TABLE mark ADD COLUMN colour TEXT; ALTER TABLE outgoing ADD COLUMN tries INTEGER;",
    ),
    "columns with a default": (
        PRESENT,
        NEWER + "ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE turn ADD COLUMN accent TEXT NOT NULL DEFAULT 'UNKNOWN';"
        "ALTER TABLE mark ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';"
        "ALTER TABLE outgoing ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;",
    ),
    "columns in front of the others": (
        re.sub(r"(EXISTS \w+ \()", r"\1\n    front TEXT,", PRESENT),
        NEWER,
    ),
    "more tables": (
        PRESENT,
        NEWER + "CREATE TABLE word (session TEXT, origin INTEGER, turn_order INTEGER, text TEXT,"
        " FOREIGN KEY (session, origin, turn_order) REFERENCES turn ON DELETE CASCADE);",
    ),
    "views, indexes and triggers": (
        PRESENT,
        NEWER + "CREATE VIEW said AS SELECT text FROM turn; CREATE INDEX by_text ON turn (text);"
        "CREATE TABLE heard (text TEXT);"
        "CREATE TRIGGER hear AFTER INSERT ON turn BEGIN INSERT INTO heard VALUES (new.text); END;",
    ),
    "another version's own way to this number": (
        OLDER["0.3.0"],
        NAMED + "ALTER TABLE turn ADD COLUMN language TEXT;",
    ),
    "no table of boots": (OLDER["0.3.0"], NEWER),
    "another table of boots": (OLDER["0.3.0"], NEWER + "CREATE TABLE boot (name TEXT);"),
    "columns without a higher version": (
        PRESENT,
        NAMED + "ALTER TABLE turn ADD COLUMN language TEXT;",
    ),
}
"""Databases of a newer version that this one can add to: tables, then changes to them."""

NO_MARKS = (_demanding("mark"), NEWER)
"""A database of a newer version that this one can add turns to, but no marks."""

RENAMED = {
    "a turn's text": (PRESENT, NEWER + "ALTER TABLE turn RENAME COLUMN text TO words;"),
    "turns": (PRESENT, NEWER + "ALTER TABLE turn RENAME TO utterance;"),
}
"""Databases of a newer version that this one can neither add to nor read."""

MISFITS = {
    **RENAMED,
    "a session needs more": (_demanding("session"), NEWER),
    "a turn needs more": (_demanding("turn"), NEWER),
    "an outgoing turn needs more": (_demanding("outgoing"), NEWER),
    "a check refuses": (
        PRESENT.replace("ended REAL NOT NULL,", "ended REAL NOT NULL CHECK (ended < 0),"),
        NEWER,
    ),
    "a trigger refuses": (
        PRESENT,
        NEWER + "CREATE TRIGGER newer BEFORE INSERT ON turn BEGIN SELECT raise(ABORT, 'no'); END;",
    ),
    "a trigger calls what is not there": (
        PRESENT,
        NEWER + "CREATE TRIGGER stems AFTER INSERT ON turn BEGIN SELECT stem(new.text); END;",
    ),
    "a turn needs more without a higher version": (_demanding("turn"), NAMED),
    "tables are missing": (V0_2, NAMED),
}
"""Databases that this version can't add to: tables, then changes to them."""

ROWS: dict[str, list[dict[str, object]]] = {
    "session": [
        {
            "id": "old",
            "started": 100.0,
            "ended": 130.0,
            "boot": "another",
            "monotonic": 5.0,
            "covered_position": 16_000,
            "covered_origin": 0,
            "covered_order": 2,
        }
    ],
    "turn": [
        {
            "session": "old",
            "origin": 0,
            "turn_order": order,
            "text": text,
            "started": 1.0 + order,
            "ended": 1.5 + order,
        }
        for order, text in enumerate(["from before", "and this"])
    ],
    "mark": [{"session": "old", "kind": "note", "at": 1.25, "text": "buy milk", "outcome": ""}],
    "outgoing": [{"session": "old", "origin": 0, "turn_order": 1}],
}


def make(path: Path, tables: str, changes: str = "") -> None:
    """Write a database with a session "old" of two turns, one outgoing, and a mark, if it can."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(tables)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA ignore_check_constraints = ON")
        with database:
            for table, rows in ROWS.items():
                columns = _columns(database, table)
                for row in rows if columns else ():
                    values = row | ({"demanded": "value"} if "demanded" in columns else {})
                    database.execute(
                        f"INSERT INTO {table} ({', '.join(values)})"
                        f" VALUES ({', '.join(f':{name}' for name in values)})",
                        values,
                    )
        database.executescript(changes)


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}


def version(path: Path) -> int:
    """Return the `PRAGMA user_version` of a database."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    asked = "SELECT name FROM pragma_table_info(?)"
    return [name for (name,) in database.execute(asked, (table,))]
