"""Salvage of a damaged history: every row that can be read, through SQLite or past it."""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.core.speakers import known_speakers
from appliance.history.database import open_database, open_for_reading
from appliance.history.pages import TABLE_LEAF, Value, rows
from appliance.history.records import MarkRecord, SessionRecord, TurnRecord
from appliance.history.schema import has_speakers
from appliance.history.values import Seconds
from appliance.system.files import open_regular

SessionRow = tuple[str, Seconds, Seconds | None, str, float]
TurnRow = tuple[str, int, int, str, Seconds, Seconds, str]
MarkRow = tuple[str, str, Seconds, str, str]
NameRow = tuple[str, int, str, str]

_COLUMNS = {
    "session": ("id, started, ended, boot, monotonic", "id"),
    "turn": (
        "session, origin, turn_order, text, started, ended, speaker",
        "session, origin, turn_order",
    ),
    "mark": ("session, kind, at, text, outcome", "session, kind, at"),
    "speaker": ("session, origin, label, name", "session, origin, label"),
}
"""What is salvaged of each table, and its key. Outgoing turns are not sent for a second time."""


class Salvaged(msgspec.Struct):
    """Rows of a history by their keys; `error` says why SQLite could not read them all."""

    sessions: dict[str, SessionRow] = {}
    turns: dict[tuple[str, int, int], TurnRow] = {}
    marks: dict[tuple[str, str, float], MarkRow] = {}
    names: dict[tuple[str, int, str], NameRow] = {}
    error: str = ""

    def add(self, table: str, row: Sequence[Value]) -> bool:
        """Add a row, unless it is there or is none of the table's; return whether it is one."""
        try:
            if table == "session":
                session = msgspec.convert(tuple(row[:5]), SessionRow)
                self.sessions.setdefault(session[0], session)
            elif table == "turn":
                label = row[6] if len(row) > 6 and isinstance(row[6], str) else ""
                turn = msgspec.convert((*row[:6], label), TurnRow)
                self.turns.setdefault(turn[:3], turn)
            elif table == "speaker":
                name = msgspec.convert(tuple(row[:4]), NameRow)
                self.names.setdefault(name[:3], name)
            else:
                mark = msgspec.convert(tuple(row[:5]), MarkRow)
                self.marks.setdefault(mark[:3], mark)
        except msgspec.ValidationError:
            return False
        return True

    @property
    def undated(self) -> list[str]:
        """Sessions of which words are left, but not the row with their time."""
        return sorted({key[0] for key in (*self.turns, *self.marks)} - self.sessions.keys())

    def records(self, wanted: str | None = None) -> list[SessionRecord]:
        """Return the sessions, those without a time first, as if they had begun in 1970.

        Args:
            wanted: a session's id, or "last"; None for all.
        """
        dated = sorted(self.sessions.values(), key=lambda row: row[1])
        unknown: list[SessionRow] = [(id_, 0.0, None, "", 0.0) for id_ in self.undated]
        found = [self._record(*row[:3]) for row in (*unknown, *dated)]
        if wanted == "last":
            return found[-1:]
        return [session for session in found if wanted in (None, session.id)]

    def _record(self, id_: str, started: float, ended: float | None) -> SessionRecord:
        turns = sorted(row for key, row in self.turns.items() if key[0] == id_)
        names = {(at, label): name for it, at, label, name in self.names.values() if it == id_}
        known = known_speakers(((row[1], row[6]) for row in turns), names)
        marks = sorted(
            (at, kind, text, outcome)
            for session, kind, at, text, outcome in self.marks.values()
            if session == id_
        )
        return SessionRecord(
            id_,
            started,
            ended,
            tuple(
                TurnRecord(order, text, started + begin, started + end, known.get((origin, label)))
                for order, (_, origin, _, text, begin, end, label) in enumerate(turns)
            ),
            tuple(MarkRecord(kind, started + at, text, how) for at, kind, text, how in marks),
        )


def salvage(path: Path) -> Salvaged:
    """Return every row that can be read of a damaged database.

    Raises:
        OSError: there is no such file, or it can't be opened.
    """
    found = Salvaged()
    with open_regular(path, follow=True) as file:
        for table, columns in _COLUMNS.items():
            # From both ends up to the damage; with its log, which has the newest rows.
            for direction in ("ASC", "DESC"):
                _scan(path, table, columns, direction, found)
        number = file.fileno()
        length = os.fstat(number).st_size
        for kind, row in rows(lambda at, size: _read(number, at, size), length):
            if kind == TABLE_LEAF:
                found.add("session", row if len(row) >= 8 else ())
            else:
                _ = any(found.add(table, row) for table in ("turn", "mark", "speaker"))
    return found


def _scan(
    path: Path, table: str, columns: tuple[str, str], direction: str, found: Salvaged
) -> None:
    selected, key = columns
    order = ", ".join(f"{column} {direction}" for column in key.split(", "))
    try:
        with open_for_reading(path) as database:
            if not has_speakers(database):
                if table == "speaker":
                    return
                selected = selected.removesuffix(", speaker")
            statement = f"SELECT {selected} FROM {table} ORDER BY {order}"  # noqa: S608 - constants
            for row in database.execute(statement):
                found.add(table, row)
    except sqlite3.Error as error:
        found.error = str(error)


def _read(file: int, at: int, size: int) -> bytes:
    try:
        return os.pread(file, size, at)
    except OSError:  # the medium can't read this part
        return b""


def add_to(path: Path, found: Salvaged) -> tuple[int, int]:
    """Add rows to a database, which keeps what it has; return the new sessions and turns.

    Raises:
        sqlite3.Error, OSError: the database can't be written.
    """
    with contextlib.closing(open_database(path)) as database, database:
        sessions = database.executemany(
            "INSERT OR IGNORE INTO session (id, started, ended, boot, monotonic)"
            " VALUES (?, ?, ?, ?, ?)",
            [*found.sessions.values(), *((id_, 0.0, 0.0, "", 0.0) for id_ in found.undated)],
        ).rowcount
        turns = database.executemany(
            "INSERT OR IGNORE INTO turn (session, origin, turn_order, text, started, ended)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [turn[:6] for turn in found.turns.values()],
        ).rowcount
        database.executemany(
            "INSERT OR IGNORE INTO mark (session, kind, at, text, outcome) VALUES (?, ?, ?, ?, ?)",
            list(found.marks.values()),
        )
        if has_speakers(database):
            _add_speakers(database, found)
    return sessions, turns


def _add_speakers(database: sqlite3.Connection, found: Salvaged) -> None:
    database.executemany(
        "UPDATE turn SET speaker = ? WHERE speaker = ''"
        " AND (session, origin, turn_order, text) = (?, ?, ?, ?)",
        [(turn[6], *turn[:4]) for turn in found.turns.values() if turn[6]],
    )
    database.executemany(
        "INSERT OR IGNORE INTO speaker (session, origin, label, name)"
        " SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM session WHERE id = ?)",
        [(*name, name[0]) for name in found.names.values()],
    )
