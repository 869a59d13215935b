"""Turns: what was said between two pauses, as the service hears it."""

import msgspec


class Word(msgspec.Struct, frozen=True):
    """A word with its place in the connection's audio.

    `start` and `end` are milliseconds from the first sample sent on this connection. A word that
    is not `final` is still being spoken and may change.
    """

    text: str
    start: int
    end: int
    final: bool = True


class Turn(msgspec.Struct, frozen=True):
    """One state of a turn; a later one with the same `order` replaces it (the protocol's `Turn`).

    `text` holds what is settled, `tentative` the words still being spoken. `finished` is the
    service's `end_of_turn`; once it is `formatted`, its text does not change any more.
    """

    order: int
    text: str
    finished: bool = False
    tentative: str = ""
    words: tuple[Word, ...] = ()
    formatted: bool = False


Key = tuple[int, int]
"""What names a turn in its session: where its connection's audio starts, and its order there.

Keys sort as the turns were said.
"""


class Covered(msgspec.Struct, frozen=True):
    """How far a session's audio need not be sent again.

    Audio before `position` (samples from the session's start) is covered. A new connection hears
    again all turns from the key (`origin`, `order`) on.
    """

    position: int = 0
    origin: int = 0
    order: int = 0

    @property
    def key(self) -> Key:
        """The first turn that a new connection will hear again."""
        return self.origin, self.order
