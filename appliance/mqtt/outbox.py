"""Messages that wait to be published: finished turns, latest payloads, and awaited messages."""

import contextlib
import logging
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from functools import partial

from appliance.core.errors import ActionError
from appliance.core.turns import Key
from appliance.history.records import OutgoingTurn
from appliance.mqtt.errors import REFUSES

log = logging.getLogger(__name__)

SETTLING_TIME = 1.5
"""Seconds for the formatted text of a turn: it comes within one, or not at all."""

CONFIRMATION_TIMEOUT = 5.0
"""Seconds for the history to commit that a turn arrived; a bad disk must not hold up the rest."""

UNREADABLE_INTERVAL = 5.0
"""Seconds between reads of a history that can't be read."""

REFUSED_INTERVAL = 60.0
"""Seconds after which a refused turn is sent again on the same connection."""

REMEMBERED = 64
"""Turns that are remembered as arrived, and as formatted; more than one read returns."""

Delivered = Callable[[OutgoingTurn, Callable[[], None]], None]
"""Takes a turn off the outgoing ones, and calls its second argument once that is on disk."""


class TurnOutbox:
    """Finished turns on their way to the broker: one at a time, in order, until each has arrived.

    The next turn waits until the history has committed that the last one arrived: a power cut
    leaves at most one turn in doubt, which is then sent again with the same id. `refresh`,
    `note_formatted` and the history's confirmation may come on any thread.

    Args:
        read: returns the first outgoing turns, in order.
            Raises sqlite3.Error or OSError if the history can't be read.
        delivered: reports to the history that a turn arrived; returns at once.
        wake: called when `take` may return a turn earlier than `due_in` said.
        clock: monotonic seconds.
        settling_time: seconds for which a turn waits for its formatted text.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[OutgoingTurn]],
        delivered: Delivered,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        settling_time: float = SETTLING_TIME,
    ) -> None:
        self._read = read
        self._delivered = delivered
        self._wake = wake
        self._clock = clock
        self._settling_time = settling_time
        self._read_at = 0.0
        self._readable = True
        self._waiting: list[OutgoingTurn] = []
        self._settled_at: dict[str, float] = {}
        self._formatted: tuple[tuple[str, Key], ...] = ()
        self._under_way: OutgoingTurn | None = None
        self._refused_until = 0.0
        self._arrived: deque[str] = deque(maxlen=REMEMBERED)
        self._unconfirmed: set[str] = set()
        self._confirmed_by = 0.0

    def refresh(self) -> None:
        """Read the history again: there may be new turns, or other texts."""
        self._read_at = 0.0
        self._wake()

    def note_formatted(self, session: str, key: Key) -> None:
        """Note that the history holds the formatted text of a turn."""
        self._formatted = (*self._formatted[1 - REMEMBERED :], (session, key))
        self.refresh()

    def begin(self) -> None:
        """Begin a connection: send again what was under way or refused on the last one."""
        self._under_way = None
        self._refused_until = 0.0
        self.refresh()

    def due_in(self) -> float:
        """Return the seconds until `take` is worth a call; infinity until `wake` is called."""
        if self._under_way:
            return math.inf
        now = self._clock()
        read_in = max(0.0, self._read_at - now)
        return min(read_in, self._next_in(now)) if self._waiting else read_in

    def take(self) -> OutgoingTurn | None:
        """Return the next turn, if it is time to send it."""
        if self._under_way:
            return None
        now = self._clock()
        if self._read_at <= now:
            self._look(now)
        if self._waiting and not self._next_in(now):
            self._under_way = self._waiting[0]
        return self._under_way

    def answered(self, refusal: str) -> None:
        """Note that the broker has the turn that is under way, or refuses it for a reason.

        A refused turn is kept, and so are those behind it.
        """
        turn, self._under_way = self._under_way, None
        if turn and refusal:
            self._refused_until = self._clock() + REFUSED_INTERVAL
        elif turn:
            self._waiting.remove(turn)
            self._arrived.append(turn.id)
            self._take_off(turn)

    def _take_off(self, turn: OutgoingTurn) -> None:
        self._unconfirmed.add(turn.id)
        self._confirmed_by = self._clock() + CONFIRMATION_TIMEOUT
        self._delivered(turn, partial(self._confirm, turn.id))

    def _confirm(self, turn: str) -> None:
        self._unconfirmed.discard(turn)
        self.refresh()

    def _look(self, now: float) -> None:
        # Before the read: whatever is noted during it leads to another read.
        self._read_at = math.inf
        formatted, unconfirmed = self._formatted, self._unconfirmed.copy()
        try:
            turns = self._read()
        except (sqlite3.Error, OSError) as error:
            self._read_at = now + UNREADABLE_INTERVAL
            if self._readable:
                log.warning("finished turns wait: the history can't be read: %s", error)
            self._readable = False
            return
        self._readable = True
        self._settled_at = {
            turn.id: now
            if (turn.session, (turn.origin, turn.order)) in formatted
            else self._settled_at.get(turn.id, now + self._settling_time)
            for turn in turns
        }
        self._waiting = [turn for turn in turns if turn.id not in self._arrived]
        for turn in turns:
            # A new database may return turns again that arrived from the old one.
            if turn.id in self._arrived and turn.id not in unconfirmed:
                self._take_off(turn)

    def _next_in(self, now: float) -> float:
        """Return the seconds until the next turn is settled and the last one confirmed."""
        settled_at = self._settled_at[self._waiting[0].id]
        confirmed_at = self._confirmed_by if self._unconfirmed else now
        return max(0.0, settled_at - now, confirmed_at - now, self._refused_until - now)


class LatestPayload:
    """Latest payload for a topic: what is replaced before its turn is never published.

    One payload at a time is under way.

    Args:
        interval: seconds between two of them.
        clock: monotonic seconds.
        first: one that needs no publishing.
    """

    def __init__(
        self, interval: float, clock: Callable[[], float], first: bytes | None = None
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._payload = first
        self._published = first
        self._under_way = False
        self._not_before = 0.0

    def put(self, payload: bytes) -> bool:
        """Take the latest payload; return whether it differs from the one before."""
        differs = payload != self._payload
        self._payload = payload
        return differs

    def begin(self, *, republish: bool = True, delay: float | None = None) -> None:
        """Publish again what there is, or only what is new, after a delay of `interval` or so."""
        self._not_before = self._clock() + (self._interval if delay is None else delay)
        self._published = None if republish else self._payload
        self._under_way = False

    def due_in(self) -> float:
        """Return the seconds until there is something to publish; infinity if nothing is known."""
        if self._under_way or self._payload == self._published:
            return math.inf
        return max(0.0, self._not_before - self._clock())

    def take(self) -> bytes | None:
        """Return the payload to publish now, if there is one."""
        if self.due_in() != 0.0:
            return None
        self._published, self._under_way = self._payload, True
        self._not_before = self._clock() + self._interval
        return self._published

    def answered(self, _refusal: str) -> None:
        """Let the next one follow: the broker has taken or refused this one."""
        self._under_way = False


class AwaitedMessage:
    """Message whose sender waits until the broker has it.

    Args:
        topic: where to publish it.
        payload: what to publish.
        due: when the broker must have answered, in monotonic seconds.
    """

    def __init__(self, topic: str, payload: bytes, due: float) -> None:
        self.topic = topic
        self.payload = payload
        self.due = due
        self._end: Future[None] = Future()

    @property
    def has_ended(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._end.done()

    def wait(self, timeout: float) -> bool:
        """Wait for its end; return whether it came within some seconds."""
        return bool(futures.wait([self._end], timeout).done)

    def result(self) -> None:
        """Raise ActionError if it failed."""
        self._end.result()

    def answered(self, refusal: str) -> None:
        """End it: the broker has it, or refuses it for a reason."""
        self.end(REFUSES if refusal else "")

    def end(self, failure: str) -> None:
        """End it with a failure, or well if that is empty. The first end counts."""
        with contextlib.suppress(futures.InvalidStateError):
            if failure:
                self._end.set_exception(ActionError(failure))
            else:
                self._end.set_result(None)
