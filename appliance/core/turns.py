"""Turns (what was said between two pauses, as the service hears it) and what they cover."""

import msgspec


class Word(msgspec.Struct, frozen=True):
    """A word and its place in one connection's audio.

    `start` and `end` are milliseconds from the first sample sent on this connection. A word that
    is not `final` is still being spoken and may change. `speaker` is as in `Turn`.
    """

    text: str
    start: int
    end: int
    final: bool = True
    speaker: str = ""


class Turn(msgspec.Struct, frozen=True):
    """One state of a turn (the protocol's `Turn`); a later one of the same `order` replaces it.

    `text` is settled, `tentative` holds the words still being spoken. `finished` is the service's
    `end_of_turn`. Once a turn is `formatted`, its text no longer changes. `speaker` is the label
    that the service gives to who speaks, as "A"; empty where it does not know. Labels hold for one
    connection.
    """

    order: int
    text: str
    finished: bool = False
    tentative: str = ""
    words: tuple[Word, ...] = ()
    formatted: bool = False
    speaker: str = ""


class Revision(msgspec.Struct, frozen=True):
    """Who spoke the turn of this `order`, as the service knows it now; see `Turn.speaker`."""

    order: int
    speaker: str


Key = tuple[int, int]
"""Identity of a turn in its session: where its connection's audio starts, and its order there.

Keys sort as the turns were said.
"""


class Covered(msgspec.Struct, frozen=True):
    """How much of a session's audio is covered: it need not be sent again.

    Audio before `position` (samples from the session's start) is covered. A new connection hears
    again every turn from the key (`origin`, `order`) on.

        >>> Covered(position=48_000, origin=16_000, order=2).key
        (16000, 2)
    """

    position: int = 0
    origin: int = 0
    order: int = 0

    @property
    def key(self) -> Key:
        """The first turn that a new connection hears again."""
        return self.origin, self.order
