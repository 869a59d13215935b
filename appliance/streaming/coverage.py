"""Coverage: how far one connection's audio need never be sent again.

A turn is finished at its first end of turn. Its cut lies a margin behind its last word, since word
times are not exact, and at most half-way to the next known word. Everything before the cut is
covered once all turns below are finished. With no turn open, what was sent long ago was silence.
All positions are samples from the session's start.
"""

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered, Turn

TOLERANCE = SAMPLE_RATE
"""Samples behind what was sent at which a word may end: a frame is heard before it is noted."""

MARGIN = SAMPLE_RATE // 5
"""Samples from the end of a turn's last word to its cut."""

PATIENCE = 30.0
"""Seconds after which audio that brought no turn was silence, and a missing turn will not come."""


class _Heard(msgspec.Struct):
    """What is known of a turn: where its words lie, and when it was finished.

    A turn without any word holds nothing that could be lost.
    """

    empty: bool = True
    first: int | None = None
    last: int | None = None
    finished_at: float | None = None


class Coverage:
    """What the turns of one connection cover, beyond what earlier ones did.

    The connection's audio starts at `origin`, and it was opened at `opened_at`. Times are
    monotonic seconds. Not for several threads at once.
    """

    def __init__(self, origin: int, earlier: Covered, opened_at: float) -> None:
        self.origin = origin
        self.last_word = origin
        self._opened_at = opened_at
        self._covered = msgspec.structs.replace(earlier, position=origin)
        self._sent = origin
        self._marks = [(origin, opened_at)]
        self._turns: dict[int, _Heard] = {}
        self._next = 0
        self._began = False
        self._wordless_until = origin

    def sent(self, position: int, now: float) -> None:
        """Note that audio up to this position was handed to the network."""
        self._sent = position
        if now - self._marks[-1][1] >= 1.0:
            self._marks.append((position, now))

    def began(self) -> None:
        """Note that the service listens: before, nothing that was sent can have been silence."""
        self._began = True

    def heard(self, turn: Turn, now: float) -> None:
        """Note what a `Turn` says of where words lie and which turns are finished."""
        if turn.order < self._next:
            return
        heard = self._turns.setdefault(turn.order, _Heard())
        heard.empty = heard.empty and not (turn.text or turn.tentative or turn.words)
        if turn.words and self._is_possible(end := max(word.end for word in turn.words)):
            heard.first = self.position(min(word.start for word in turn.words))
            heard.last = self.position(end)
            self.last_word = max(self.last_word, heard.last)
        elif turn.text or turn.tentative:
            self.last_word = self._sent  # somebody spoke just now, though nobody says when
        if turn.finished and heard.finished_at is None:
            heard.finished_at = now

    def terminated(self) -> None:
        """Note that the service has transcribed all that was sent."""
        self._advance(self._sent, max(self._turns, default=self._next - 1))

    def covered(self, now: float) -> Covered:
        """Return what is covered; it never goes back."""
        while (turn := self._turns.get(self._following(now))) and turn.finished_at is not None:
            order = self._following(now)
            # A finished turn whose words are not known moves nothing: it is heard again, not lost.
            if turn.last is not None:
                self._advance(self._cut(order, turn.last), order)
            elif not turn.empty:
                self._wordless_until = self._sent
            del self._turns[order]
            self._next = order + 1
        if self._began and all(turn.empty for turn in self._turns.values()):
            silent = self._silent(now)
            if silent > max(self._covered.position, self._wordless_until):
                self._advance(silent, self._next - 1)
        return self._covered

    def _advance(self, position: int, order: int) -> None:
        """Cover up to a position, with all turns up to that order.

        A turn that lies before what is covered already is covered, too: it is not heard again.
        """
        position = max(position, self._covered.position)
        self._covered = Covered(position, self.origin, order + 1)

    def _following(self, now: float) -> int:
        """Return the order of the turn that must be finished next.

        It is the next number, unless that one never came and a later one is long finished.
        """
        known = min(self._turns, default=self._next)
        finished_at = self._turns[known].finished_at if self._turns else None
        gone = finished_at is not None and now - finished_at > PATIENCE
        return known if gone else self._next

    def _cut(self, order: int, end: int) -> int:
        later = (turn.first for key, turn in self._turns.items() if key > order)
        next_word = min((first for first in later if first is not None), default=None)
        cut = end + MARGIN
        if next_word is not None:
            cut = min(cut, (end + max(end, next_word)) // 2)
        return min(cut, self._sent)

    def _silent(self, now: float) -> int:
        """Return the position up to which the service has heard for long and found no turn.

        A backlog is sent faster than it is heard: audio counts as heard only once the connection
        has been open for as long as it lasts.
        """
        heard = self.origin + round((now - self._opened_at - PATIENCE) * SAMPLE_RATE)
        old = [mark for mark in self._marks if now - mark[1] > PATIENCE]
        if not old:
            return self.origin
        del self._marks[: len(old) - 1]
        return min(old[-1][0], heard)

    def _is_possible(self, milliseconds: int) -> bool:
        """Tell whether a word may end there: none does where nothing was sent."""
        return self.origin + milliseconds * SAMPLE_RATE // 1000 <= self._sent + TOLERANCE

    def position(self, milliseconds: int) -> int:
        """Return the position of a time on this connection, which must lie in what was sent."""
        position = self.origin + milliseconds * SAMPLE_RATE // 1000
        return min(max(position, self.origin), self._sent)
