"""Finished turns on their way out: one at a time, in order, each until the broker has it."""

import logging
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence

from appliance.history.records import OutgoingTurn

log = logging.getLogger(__name__)

SETTLING_TIME = 1.5
"""Seconds for the formatted text of a turn: it comes within one, or not at all."""

LOOK_INTERVAL = 0.05
"""Seconds between looks whether it is on disk that a turn has arrived."""

PATIENCE = 5.0
"""Seconds for that; a disk that takes nothing must not keep the house from hearing the rest."""

SELDOM = 1.0
"""Seconds between looks at a disk for which patience has ended."""

UNREADABLE_INTERVAL = 5.0
"""Seconds between looks at a disk that can't be read."""

REFUSED_TIME = 60.0
"""Seconds after which a broker that refused a turn is asked again."""

REMEMBERED = 64
"""Turns that are remembered until what is known of them is seen on disk."""


class Outbox:
    """Says which turn to send next. `look` and `note_formatted` may be called on any thread.

    The next one waits until it is on disk that the last one has arrived: a power cut leaves one
    turn in doubt at most, which is then sent again with the same id.

    Args:
        read: returns the first turns that are still to be sent, in their order; raises
            sqlite3.Error or OSError if it can't.
        delivered: takes a turn off them; returns before that is done.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[OutgoingTurn]],
        delivered: Callable[[OutgoingTurn], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._delivered = delivered
        self._clock = clock
        self._look_at = 0.0
        self._waiting: list[OutgoingTurn] = []
        self._seen_at: dict[str, float] = {}
        self._under_way: OutgoingTurn | None = None
        self._refused_until = 0.0
        self._arrived: deque[str] = deque(maxlen=REMEMBERED)
        self._in_doubt = False
        self._in_doubt_until = 0.0
        self._asked_twice = False
        self._unreadable = False
        self._formatted: tuple[tuple[str, str], ...] = ()

    def look(self) -> None:
        """There may be new turns, or other texts."""
        self._look_at = 0.0

    def note_formatted(self, session: str, text: str) -> None:
        """A turn has got the text that it keeps."""
        self._formatted = (*self._formatted[1 - REMEMBERED :], (session, text))

    def begin(self) -> None:
        """A connection begins: what was under way or refused on the last one is sent again."""
        self._under_way = None
        self._refused_until = 0.0
        self.look()

    def due_in(self) -> float:
        """Return after how many seconds to ask for the next turn; infinity if it has to be told."""
        if self._under_way:
            return math.inf
        now = self._clock()
        looks_in = max(0.0, self._look_at - now)
        return min(looks_in, self._goes_in(self._waiting[0], now)) if self._waiting else looks_in

    def take(self) -> OutgoingTurn | None:
        """Return the next turn, if it is time to send it."""
        if self._under_way:
            return None
        now = self._clock()
        if self._look_at <= now:
            self._look_anew(now)
        if self._waiting and not self._goes_in(self._waiting[0], now):
            self._under_way = self._waiting[0]
        return self._under_way

    def acknowledged(self) -> None:
        """The broker has the turn that is under way."""
        if turn := self._under_way:
            self._under_way = None
            self._waiting.remove(turn)
            self._arrived.append(turn.id)
            self._delivered(turn)
            now = self._clock()
            self._in_doubt, self._asked_twice = True, False
            self._in_doubt_until = now + PATIENCE
            self._look_at = min(self._look_at, now + LOOK_INTERVAL)

    def refused(self) -> None:
        """The broker does not take the turn that is under way: it is kept, and those behind it."""
        self._under_way = None
        self._refused_until = self._clock() + REFUSED_TIME

    def _look_anew(self, now: float) -> None:
        self._look_at = math.inf
        try:
            turns = self._read()
        except (sqlite3.Error, OSError) as error:
            self._look_at = now + UNREADABLE_INTERVAL
            if not self._unreadable:
                log.warning("finished turns wait: the history can't be read: %s", error)
            self._unreadable = True
            return
        self._unreadable = False
        self._seen_at = {turn.id: self._seen_at.get(turn.id, now) for turn in turns}
        self._waiting = [turn for turn in turns if turn.id not in self._arrived]
        self._in_doubt = len(self._waiting) < len(turns)
        if self._in_doubt:
            patient = now < self._in_doubt_until
            self._look_at = min(self._look_at, now + (LOOK_INTERVAL if patient else SELDOM))
            if not patient:
                self._ask_again(turns)

    def _ask_again(self, turns: Sequence[OutgoingTurn]) -> None:
        """Have those that arrived taken off once more: of a new database they never were."""
        if not self._asked_twice:
            self._asked_twice = True
            for turn in turns:
                if turn.id in self._arrived:
                    self._delivered(turn)

    def _goes_in(self, turn: OutgoingTurn, now: float) -> float:
        """Return after how many seconds a turn may go: its text is settled, and no doubt left."""
        doubt = self._in_doubt_until - now if self._in_doubt else 0.0
        formatted = (turn.session, turn.text) in self._formatted
        settling = 0.0 if formatted else self._seen_at[turn.id] + SETTLING_TIME - now
        return max(0.0, doubt, settling, self._refused_until - now)
