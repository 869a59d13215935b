"""Transcript of the live session: its turns in order, joined over its connections."""

import bisect
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from appliance.controller.stable_words import with_stable_words
from appliance.core.speakers import LabelKey
from appliance.core.turns import Covered, Key, Revision, Turn

MOST_TURNS = 64
"""Turns held for the screen; of earlier ones only the words are counted."""


class Transcript:
    """Turns of one session so far.

    >>> transcript = Transcript()
    >>> transcript.receive(0, Turn(0, "hello", finished=True))
    >>> transcript.receive(0, Turn(1, "", tentative="world"))
    >>> [turn.text or turn.tentative for turn in transcript.latest(12)]
    ['hello', 'world']
    >>> transcript.words
    1

    Args:
        labels: the order of the first turn of each speaker that an earlier run heard.
    """

    def __init__(self, labels: Mapping[LabelKey, int] = MappingProxyType({})) -> None:
        self._keys: list[Key] = []
        self._turns: dict[Key, Turn] = {}
        self._words_of_earlier = 0
        self._heard_again: Key | None = None
        self._cleared: Key | None = None
        self._labelled = dict(labels)

    def clear(self) -> None:
        """Hide the turns that are finished by now; their words still count."""
        finished = [key for key in self._keys if self._turns[key].finished]
        self._cleared = finished[-1] if finished else self._cleared

    def reconnected(self, covered: Covered) -> None:
        """Note that a new connection hears again what is not covered.

        The turns of the last connection stay until the first new words replace them.
        """
        self._heard_again = min(self._heard_again or covered.key, covered.key)

    def receive(self, origin: int, turn: Turn) -> None:
        """Take a state of a turn, from the connection whose audio starts at sample `origin`."""
        if self._heard_again:
            if not (turn.text or turn.tentative):
                return
            self._drop_from(self._heard_again)
            self._heard_again = None
        key = (origin, turn.order)
        before = self._turns.get(key)
        if before is None and self._words_of_earlier and key < self._keys[0]:
            return  # the late formatted text of a turn that is dropped
        if before is None:
            bisect.insort(self._keys, key)
        elif before.finished and not turn.finished:
            return  # a late partial
        if before and not turn.speaker:
            turn = replace(turn, speaker=before.speaker)
        self._set(key, with_stable_words(before, turn))
        if len(self._keys) > MOST_TURNS:
            earliest = self._turns.pop(self._keys.pop(0))
            self._words_of_earlier += _count(earliest)

    def revise(self, origin: int, revisions: Iterable[Revision]) -> None:
        """Take who spoke turns of a connection, as the service knows it now."""
        for revision in revisions:
            if turn := self._turns.get(key := (origin, revision.order)):
                self._set(key, replace(turn, speaker=revision.speaker))

    def latest(self, count: int) -> list[Turn]:
        """Return at most `count` of the newest turns with words, the newest last."""
        return [turn for _, turn in self.visible()][-count:]

    def visible(self) -> list[tuple[int, Turn]]:
        """Return all turns with words that are not cleared, each with the origin of its connection.

        The newest is the last.
        """
        first = bisect.bisect_right(self._keys, self._cleared) if self._cleared else 0
        turns = [(key[0], self._turns[key]) for key in self._keys[first:]]
        return [(origin, turn) for origin, turn in turns if turn.text or turn.tentative]

    @property
    def labels(self) -> Collection[LabelKey]:
        """The speakers so far, also those of turns that are no longer here."""
        return self._labelled.keys()

    def _set(self, key: Key, turn: Turn) -> None:
        self._turns[key] = turn
        if turn.speaker:
            label = (key[0], turn.speaker)
            self._labelled[label] = min(turn.order, self._labelled.get(label, turn.order))

    @property
    def words(self) -> int:
        """The number of settled words."""
        return self._words_of_earlier + sum(map(_count, self._turns.values()))

    def _drop_from(self, key: Key) -> None:
        first = bisect.bisect_left(self._keys, key)
        for stale in self._keys[first:]:
            del self._turns[stale]
        del self._keys[first:]
        labelled = self._labelled.items()
        self._labelled = {label: at for label, at in labelled if (label[0], at) < key}


def _count(turn: Turn) -> int:
    return len(turn.text.split())
