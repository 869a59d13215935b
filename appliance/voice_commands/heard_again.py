"""Turns that were acted on, so that one that is heard again does nothing twice."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from appliance.core.events import TurnReceived
from appliance.core.turns import Key

MOST_AGE = 30.0
"""Seconds after which words are too old to act on: who said "turn on the lamp" while the network
was away does not want it on an hour later."""

REMEMBERED = 32
"""Sessions whose last turn is remembered: only the newest may be heard again."""

WORD_TIME_ERROR = 0.5
"""Seconds by which a turn may seem to begin later when it is heard again: word times are not exact,
and nobody says two commands within so little."""


class Acted(msgspec.Struct, frozen=True):
    """The last turn of a session that was acted on, and when it began."""

    key: Key | None
    started: float


class ActedTurns:
    """The last turn of each session that was acted on.

    Args:
        started: when those of an earlier run of the program began, in seconds after the start of
            their session.
    """

    def __init__(self, started: Mapping[str, float] = MappingProxyType({})) -> None:
        self._acted = {session: Acted(None, at) for session, at in started.items()}

    def add(self, event: TurnReceived) -> None:
        """Note that a turn was acted on."""
        self._acted.pop(event.session, None)
        self._acted[event.session] = Acted(key_of(event), event.started)
        if len(self._acted) > REMEMBERED:
            del self._acted[next(iter(self._acted))]

    def same(self, event: TurnReceived) -> Acted | None:
        """Return what was noted of this very turn, which has more words now, or other ones."""
        before = self._acted.get(event.session)
        return before if before and before.key == key_of(event) else None

    def has(self, event: TurnReceived) -> bool:
        """Return whether a turn was acted on already.

        A new connection hears some of the last one again, and after a crash a new run of the
        program does.
        """
        before = self._acted.get(event.session)
        if before is None:
            return False
        if before.key and event.origin == before.key[0]:
            return event.turn.order <= before.key[1]
        return event.started < before.started + WORD_TIME_ERROR


def age_of(
    event: TurnReceived, began_at: Callable[[str], float | None], now: float
) -> float | None:
    """Return the seconds since a turn was said; None for a session of an earlier boot."""
    began = began_at(event.session)
    return None if began is None else now - (began + event.ended)


def key_of(event: TurnReceived) -> Key:
    """Return the key of a turn."""
    return event.origin, event.turn.order
