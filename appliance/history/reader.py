"""Reader of the history: sessions, what is covered of them, and outgoing turns."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from appliance.core.speakers import LabelKey, Speaker, known_speakers
from appliance.core.turns import Covered, Key
from appliance.history.database import is_there, open_for_reading
from appliance.history.records import MarkRecord, OutgoingTurn, SessionRecord, TurnRecord
from appliance.history.schema import has_speakers
from appliance.history.values import USABLE, refuse_damaged_values

log = logging.getLogger(__name__)


def sessions(path: Path, wanted: str | None = None) -> Iterator[SessionRecord]:
    """Yield the sessions in a database, the oldest first; or only the one `wanted`.

    Args:
        path: the database; a missing file is an empty history.
        wanted: a session's id, or "last".

    Raises:
        sqlite3.Error, OSError: the database can't be read.
    """
    if not is_there(path):
        return
    with open_for_reading(path) as database:
        refuse_damaged_values(database)
        rows = database.execute(
            "SELECT id, started, ended FROM session"
            " WHERE :wanted IS NULL OR id = :wanted"
            " OR :wanted = 'last' AND started = (SELECT max(started) FROM session)"
            " ORDER BY started",
            {"wanted": wanted},
        )
        for id_, started, ended in rows.fetchall():
            turns = _turns(database, id_, started)
            yield SessionRecord(id_, started, ended, turns, _marks(database, id_, started))


def outgoing_turns(path: Path, limit: int = 32) -> list[OutgoingTurn]:
    """Return the first turns that wait to be sent, in the order in which they were said.

    An earlier session's turns come before a later one's. A turn that is not covered is left out:
    a new connection would hear it again.

    Raises:
        sqlite3.Error, OSError: the database can't be read.
    """
    if not is_there(path):
        return []
    with open_for_reading(path) as database:
        if not _has_table(database, "outgoing"):
            return []
        rows = database.execute(
            "SELECT session.id, turn.origin, turn.turn_order, turn.text,"  # noqa: S608 - constants
            " session.started + turn.started, session.started + turn.ended"
            # In this join order SQLite need not sort thousands that wait. The rowid says which
            # session began first, even if the clock was wrong then.
            " FROM session CROSS JOIN outgoing ON outgoing.session = session.id"
            " CROSS JOIN turn USING (session, origin, turn_order)"
            " WHERE (outgoing.origin, outgoing.turn_order) < (covered_origin, covered_order)"
            f" AND {USABLE['session']} AND {USABLE['turn']}"
            " ORDER BY session.rowid, outgoing.origin, outgoing.turn_order LIMIT ?",
            (limit,),
        )
        turns = [OutgoingTurn(*row) for row in rows]
        return _with_speakers(database, turns)


def covered(path: Path) -> dict[str, Covered]:
    """Return what is covered of each session; an empty dict if the database can't be read."""
    try:
        if not is_there(path):
            return {}
        with open_for_reading(path) as database:
            rows = database.execute(
                "SELECT id, covered_position, covered_origin, covered_order FROM session"
            )
            found = ((id_, position) for id_, *position in rows)
            return {id_: Covered(*it) for id_, it in found if all(isinstance(n, int) for n in it)}
    except (sqlite3.Error, OSError) as error:
        log.warning("the history can't be read: %s", error)
        return {}


def speakers(path: Path, session: str) -> dict[LabelKey, Speaker]:
    """Return the speakers of a session.

    Raises:
        sqlite3.Error, OSError: the database can't be read.
    """
    if not is_there(path):
        return {}
    with open_for_reading(path) as database:
        return _speakers(database, session)


def last_marks(path: Path, of_sessions: Sequence[str]) -> dict[str, float]:
    """Return the time of each session's last mark, in seconds after the session's start.

    Sessions without marks are left out, and all of them if the database can't be read.
    """
    try:
        if not (of_sessions and is_there(path)):
            return {}
        with open_for_reading(path) as database:
            if not _has_table(database, "mark"):
                return {}
            asked = "SELECT max(at) FROM mark WHERE session = ?"
            found = {it: database.execute(asked, (it,)).fetchone()[0] for it in of_sessions}
            return {session: at for session, at in found.items() if at is not None}
    except (sqlite3.Error, OSError) as error:
        log.debug("no marks can be read: %s", error)  # `covered` has reported why
        return {}


def labels(path: Path, session: str) -> dict[LabelKey, int]:
    """Return the order of the first turn of each speaker of a session.

    The dict is empty if the database can't be read.
    """
    try:
        if not is_there(path):
            return {}
        with open_for_reading(path) as database:
            if not has_speakers(database):
                return {}
            rows = database.execute(
                "SELECT origin, speaker, min(turn_order) FROM turn"
                " WHERE session = ? AND speaker != '' GROUP BY origin, speaker",
                (session,),
            )
            return {(origin, label): order for origin, label, order in rows}
    except (sqlite3.Error, OSError) as error:
        log.warning("the history can't be read: %s", error)
        return {}


def _turns(database: sqlite3.Connection, session: str, began_at: float) -> tuple[TurnRecord, ...]:
    known = _speakers(database, session)
    label_of = _labels_of_turns(database, session) if known else {}
    rows = database.execute(
        "SELECT text, started, ended, origin, turn_order FROM turn WHERE session = ?"
        " ORDER BY origin, turn_order",
        (session,),
    )
    return tuple(
        TurnRecord(
            *(number, text, began_at + started, began_at + ended),
            known.get((origin, label_of.get((origin, order), ""))),
        )
        for number, (text, started, ended, origin, order) in enumerate(rows)
    )


def _with_speakers(
    database: sqlite3.Connection, turns: Sequence[OutgoingTurn]
) -> list[OutgoingTurn]:
    """Return the turns with who spoke them."""
    known = {it: _speakers(database, it) for it in {turn.session for turn in turns}}
    asked = "SELECT speaker FROM turn WHERE (session, origin, turn_order) = (?, ?, ?)"
    found = []
    for turn in turns:
        speaker = None
        if speakers := known[turn.session]:
            key = (turn.session, turn.origin, turn.order)
            # None if the turn was deleted meanwhile.
            row = database.execute(asked, key).fetchone()
            speaker = speakers.get((turn.origin, row[0])) if row else None
        found.append(replace(turn, speaker=speaker))
    return found


def _labels_of_turns(database: sqlite3.Connection, session: str) -> dict[Key, str]:
    said = "SELECT origin, turn_order, speaker FROM turn WHERE session = ? AND speaker != ''"
    return {(origin, order): label for origin, order, label in database.execute(said, (session,))}


def _speakers(database: sqlite3.Connection, session: str) -> dict[LabelKey, Speaker]:
    """Return the speakers of a session; a database of an earlier version does not say."""
    if not has_speakers(database):
        return {}
    said = "SELECT DISTINCT origin, speaker FROM turn WHERE session = ? AND speaker != ''"
    heard = database.execute(said, (session,)).fetchall()
    named = "SELECT origin, label, name FROM speaker WHERE session = ?"
    names = {(origin, label): name for origin, label, name in database.execute(named, (session,))}
    return known_speakers(heard, names)


def _marks(database: sqlite3.Connection, session: str, began_at: float) -> tuple[MarkRecord, ...]:
    if not _has_table(database, "mark"):
        return ()
    rows = database.execute(
        "SELECT kind, at, text, outcome FROM mark WHERE session = ? ORDER BY at, kind", (session,)
    )
    return tuple(MarkRecord(kind, began_at + at, text, outcome) for kind, at, text, outcome in rows)


def _has_table(database: sqlite3.Connection, name: str) -> bool:
    """Return whether a table exists: a database that was not migrated yet may have fewer."""
    return bool(database.execute("SELECT 1 FROM pragma_table_info(?)", (name,)).fetchone())
