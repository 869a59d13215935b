"""SQL statements of the history's writer, one function for each change."""

import msgspec

from appliance.core.events import TurnReceived
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Key
from appliance.history.records import Mark, OutgoingTurn

Statement = tuple[str, dict[str, object]]
"""SQL with named parameters, and their values."""

# Every INSERT names its columns: a newer version of the program may have added more.


def insert_session(recording: Recording) -> Statement:
    """Add a session, unless it is there already."""
    return (
        "INSERT INTO session (id, started, boot, monotonic)"
        " VALUES (:session, :started, :boot, :monotonic) ON CONFLICT (id) DO NOTHING",
        msgspec.structs.asdict(recording),
    )


def end_session(session: str, ended: float) -> Statement:
    """Write that a session ended `ended` seconds after its start; its first end stays."""
    return (
        "UPDATE session SET ended = coalesce(ended, started + :ended) WHERE id = :session",
        {"session": session, "ended": ended},
    )


def cover(session: str, covered: Covered) -> Statement:
    """Write what is covered of a session; it never goes back."""
    return (
        "UPDATE session SET covered_position = :position, covered_origin = :origin,"
        " covered_order = :order WHERE id = :session AND covered_position <= :position",
        {"session": session, **msgspec.structs.asdict(covered)},
    )


def correct_times(boot: str, offset: float, step: float) -> Statement:
    """Set a boot's sessions to monotonic time + `offset`, where that is over `step` s off."""
    return (
        "UPDATE session SET ended = ended + (monotonic + :offset - started),"
        " started = monotonic + :offset"
        " WHERE boot = :boot AND abs(monotonic + :offset - started) > :step",
        {"offset": offset, "boot": boot, "step": step},
    )


def delete_session_without_turns(session: str) -> Statement:
    """Delete a session in which nothing was said."""
    return (
        "DELETE FROM session WHERE id = :session"
        " AND NOT EXISTS (SELECT 1 FROM turn WHERE session = :session)",
        {"session": session},
    )


def columns_of_boot() -> Statement:
    """Select the names of the columns of the table of boots; no row without the table."""
    return "SELECT name FROM pragma_table_info('boot')", {}


def time_of_last_boot(boot: str) -> Statement:
    """Select the Unix time that a set clock showed last in the boot before; no row for the first.

    Boots in which the clock was not set do not count.
    """
    return (
        "SELECT seen FROM boot WHERE name != :boot AND seen IS NOT NULL"
        " ORDER BY number DESC LIMIT 1",
        {"boot": boot},
    )


def note_clock(boot: str, now: float, *, believed: bool) -> Statement:
    """Write the time that the set clock shows in a boot, and whether it is `believed`."""
    return (
        "INSERT INTO boot (name, seen, believed) VALUES (:boot, :now, :believed)"
        " ON CONFLICT (name) DO UPDATE SET seen = excluded.seen, believed = excluded.believed",
        {"boot": boot, "now": now, "believed": believed},
    )


def add_boots_without_clock() -> Statement:
    """Add the boots in which the clock was not set, and of which there are sessions."""
    return (
        "INSERT INTO boot (name) SELECT DISTINCT boot FROM session WHERE true"
        " ON CONFLICT (name) DO NOTHING",
        {},
    )


def note_boots_over(boot: str, now: float) -> Statement:
    """Write of boots whose clock is not believed that they were over by that Unix time."""
    return (
        "UPDATE boot SET over = :now WHERE name != :boot AND NOT believed AND over IS NULL",
        {"boot": boot, "now": now},
    )


def delete_of_other_boots(boot: str, oldest: float) -> Statement:
    """Delete the sessions of other boots that ended before that Unix time."""
    return (
        "DELETE FROM session WHERE boot != :boot AND EXISTS (SELECT 1 FROM boot AS its"
        " WHERE its.name = session.boot AND :oldest >"
        " CASE WHEN believed THEN coalesce(session.ended, session.started) ELSE over END)",
        {"boot": boot, "oldest": oldest},
    )


def upsert_turn(heard: TurnReceived) -> Statement:
    """Write a finished turn, or its formatted text over it; nothing if it has no words."""
    return (
        "INSERT INTO turn (session, origin, turn_order, text, started, ended)"
        " SELECT :session, :origin, :order, :text, :started, :ended WHERE :text != ''"
        # INSERT OR REPLACE would delete the row first, and with it the one in `outgoing`.
        " ON CONFLICT DO UPDATE"
        " SET text = excluded.text, started = excluded.started, ended = excluded.ended",
        {**_named(heard), "started": heard.started, "ended": heard.ended},
    )


def delete_uncovered_turns(session: str, covered: Covered) -> Statement:
    """Delete the turns that a new connection will hear again; they are not outgoing either."""
    return (
        "DELETE FROM turn WHERE session = :session AND (origin, turn_order) >= (:origin, :order)",
        {"session": session, "origin": covered.origin, "order": covered.order},
    )


def set_speaker(session: str, key: Key, label: str) -> Statement:
    """Write who spoke a turn, if the turn is there; an empty label for nobody known."""
    return (
        "UPDATE turn SET speaker = :label"
        " WHERE (session, origin, turn_order) = (:session, :origin, :order)",
        {"session": session, "origin": key[0], "order": key[1], "label": label},
    )


def name_speaker(session: str, origin: int, label: str, name: str) -> Statement:
    """Write the name of a connection's speaker over an earlier one, if the session is there."""
    return (
        "INSERT INTO speaker (session, origin, label, name)"
        " SELECT :session, :origin, :label, :name"
        " WHERE EXISTS (SELECT 1 FROM session WHERE id = :session)"
        " ON CONFLICT DO UPDATE SET name = excluded.name",
        {"session": session, "origin": origin, "label": label, "name": name},
    )


def delete_name(session: str, origin: int, label: str) -> Statement:
    """Delete the name of a connection's speaker."""
    return (
        "DELETE FROM speaker WHERE (session, origin, label) = (:session, :origin, :label)",
        {"session": session, "origin": origin, "label": label},
    )


def delete_uncovered_names(session: str, covered: Covered) -> Statement:
    """Delete the names of connections that a new connection will hear again as a whole."""
    return (
        "DELETE FROM speaker WHERE session = :session AND (origin, 0) >= (:origin, :order)",
        {"session": session, "origin": covered.origin, "order": covered.order},
    )


def insert_outgoing(heard: TurnReceived) -> Statement:
    """Add a turn to the outgoing ones, unless the turn is written already."""
    return (
        "INSERT INTO outgoing (session, origin, turn_order) SELECT :session, :origin, :order"
        " WHERE :text != '' AND NOT EXISTS (SELECT 1 FROM turn"
        " WHERE (session, origin, turn_order) = (:session, :origin, :order))",
        _named(heard),
    )


def delete_outgoing(turn: OutgoingTurn) -> Statement:
    """Take a turn off the outgoing ones."""
    return (
        "DELETE FROM outgoing WHERE (session, origin, turn_order) = (:session, :origin, :order)",
        {"session": turn.session, "origin": turn.origin, "order": turn.order},
    )


def upsert_mark(session: str, mark: Mark) -> Statement:
    """Write a mark over an earlier one of its kind and time, if its session is there."""
    return (
        "INSERT INTO mark (session, kind, at, text, outcome)"
        " SELECT :session, :kind, :at, :text, :outcome"
        " WHERE EXISTS (SELECT 1 FROM session WHERE id = :session)"
        " ON CONFLICT DO UPDATE SET text = excluded.text, outcome = excluded.outcome",
        {"session": session, **msgspec.structs.asdict(mark)},
    )


def _named(heard: TurnReceived) -> dict[str, object]:
    return {
        "session": heard.session,
        "origin": heard.origin,
        "order": heard.turn.order,
        "text": heard.turn.text,
    }
