"""The live session's turns, joined over its connections into one order."""

import bisect

from appliance.core.turns import Covered, Key, Turn

KEPT = 64
"""Turns held for the screen; earlier ones are only counted, and stand in the history."""


class Transcript:
    """What was said so far in one session."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._turns: dict[Key, Turn] = {}
        self._words_of_earlier = 0
        self._heard_again: Key | None = None
        self._cleared: Key | None = None

    def clear(self) -> None:
        """Show no turn any more that is finished by now; it still counts."""
        finished = [key for key in self._keys if self._turns[key].finished]
        self._cleared = finished[-1] if finished else self._cleared

    def reconnected(self, covered: Covered) -> None:
        """Note that a new connection hears again what is not covered.

        What the last one heard of it stays on the screen until the first new words replace it.
        """
        self._heard_again = min(self._heard_again or covered.key, covered.key)

    def receive(self, origin: int, turn: Turn) -> None:
        """Take one state of a turn, on the connection whose audio starts at `origin`."""
        if self._heard_again:
            if not (turn.text or turn.tentative):
                return
            self._drop_from(self._heard_again)
            self._heard_again = None
        key = (origin, turn.order)
        before = self._turns.get(key)
        if before is None and self._words_of_earlier and key < self._keys[0]:
            return  # only its commas come late
        if before is None:
            bisect.insort(self._keys, key)
        elif before.finished and not turn.finished:
            return  # a partial that came late
        self._turns[key] = turn
        if len(self._keys) > KEPT:
            earliest = self._turns.pop(self._keys.pop(0))
            self._words_of_earlier += _count(earliest)

    def latest(self, count: int) -> list[Turn]:
        """Return the newest turns that have words, the newest last."""
        first = bisect.bisect_right(self._keys, self._cleared) if self._cleared else 0
        turns = (self._turns[key] for key in self._keys[first:])
        return [turn for turn in turns if turn.text or turn.tentative][-count:]

    @property
    def words(self) -> int:
        """How many words were said."""
        return self._words_of_earlier + sum(map(_count, self._turns.values()))

    def _drop_from(self, key: Key) -> None:
        first = bisect.bisect_left(self._keys, key)
        for stale in self._keys[first:]:
            del self._turns[stale]
        del self._keys[first:]


def _count(turn: Turn) -> int:
    return len(turn.text.split())
