"""What is written to the database of what was said: each change as an SQL statement."""

import msgspec

from appliance.core.events import TurnReceived
from appliance.core.recording import Recording
from appliance.core.turns import Covered
from appliance.history.records import Mark, OutgoingTurn

Statement = tuple[str, dict[str, object]]
"""SQL with named parameters, and their values."""


def beginning(recording: Recording) -> Statement:
    """Note a session, unless it is known already."""
    return (
        "INSERT INTO session (id, started, boot, monotonic)"
        " VALUES (:session, :started, :boot, :monotonic) ON CONFLICT (id) DO NOTHING",
        msgspec.structs.asdict(recording),
    )


def keeping(heard: TurnReceived) -> Statement:
    """Write a finished turn, or its formatted text over it; not one without words."""
    return (
        "INSERT INTO turn (session, origin, turn_order, text, started, ended)"
        " SELECT :session, :origin, :order, :text, :started, :ended"
        " WHERE :text != ''"
        # Replacing the row would delete it first, and from what is outgoing, too.
        " ON CONFLICT DO UPDATE"
        " SET text = excluded.text, started = excluded.started, ended = excluded.ended",
        {**_named(heard), "started": heard.started, "ended": heard.ended},
    )


def queueing(heard: TurnReceived) -> Statement:
    """Add a turn to the outgoing ones, once: not if it is written already."""
    return (
        "INSERT INTO outgoing (session, origin, turn_order) SELECT :session, :origin, :order"
        " WHERE :text != '' AND NOT EXISTS (SELECT 1 FROM turn"
        " WHERE (session, origin, turn_order) = (:session, :origin, :order))",
        _named(heard),
    )


def dropping_outgoing(turn: OutgoingTurn) -> Statement:
    """Take a turn off the outgoing ones."""
    return (
        "DELETE FROM outgoing WHERE (session, origin, turn_order) = (:session, :origin, :order)",
        {"session": turn.session, "origin": turn.origin, "order": turn.order},
    )


def dropping_uncovered(session: str, covered: Covered) -> Statement:
    """Delete the turns that a new connection will hear again; those are not outgoing either."""
    return (
        "DELETE FROM turn WHERE session = :session AND (origin, turn_order) >= (:origin, :order)",
        {"session": session, "origin": covered.origin, "order": covered.order},
    )


def marking(session: str, mark: Mark) -> Statement:
    """Write a mark over an earlier one of its kind and time, if its session is there."""
    return (
        "INSERT INTO mark (session, kind, at, text, outcome)"
        " SELECT :session, :kind, :at, :text, :outcome"
        " WHERE EXISTS (SELECT 1 FROM session WHERE id = :session)"
        " ON CONFLICT DO UPDATE SET text = excluded.text, outcome = excluded.outcome",
        {"session": session, **msgspec.structs.asdict(mark)},
    )


def covering(session: str, covered: Covered) -> Statement:
    """Note what is covered; it never goes back."""
    return (
        "UPDATE session SET covered_position = :position, covered_origin = :origin,"
        " covered_order = :order WHERE id = :session AND covered_position <= :position",
        {"session": session, **msgspec.structs.asdict(covered)},
    )


def ending(session: str, ended: float) -> Statement:
    """Note that a session ended so many seconds after its start; its first end stays."""
    return (
        "UPDATE session SET ended = coalesce(ended, started + :ended) WHERE id = :session",
        {"session": session, "ended": ended},
    )


def dropping_empty(session: str) -> Statement:
    """Delete a session in which nothing was said."""
    return (
        "DELETE FROM session WHERE id = :session"
        " AND NOT EXISTS (SELECT 1 FROM turn WHERE session = :session)",
        {"session": session},
    )


def dropping_old(oldest: float) -> Statement:
    """Delete the sessions that ended before that Unix time."""
    return "DELETE FROM session WHERE coalesce(ended, started) < :oldest", {"oldest": oldest}


def correcting(boot: str, offset: float, step: float) -> Statement:
    """Set a boot's sessions to its monotonic times plus `offset`, if they are off by a `step`."""
    return (
        "UPDATE session SET ended = ended + (monotonic + :offset - started),"
        " started = monotonic + :offset"
        " WHERE boot = :boot AND abs(monotonic + :offset - started) > :step",
        {"offset": offset, "boot": boot, "step": step},
    )


def _named(heard: TurnReceived) -> dict[str, object]:
    return {
        "session": heard.session,
        "origin": heard.origin,
        "order": heard.turn.order,
        "text": heard.turn.text,
    }
