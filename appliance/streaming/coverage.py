"""Coverage: how much of one connection's audio never needs to be sent again.

A turn is finished at its first `end_of_turn`. Its cut is a margin after its last word, since word
times are not exact, and at most half-way to the next known word. Everything before the cut is
covered once all turns below it are finished. While no turn is open, audio that was sent long ago
was silence. All positions are samples from the session's start.
"""

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered, Turn

TOLERANCE = SAMPLE_RATE
"""Samples beyond what was sent at which a word may end: a frame is heard before it is noted."""

MARGIN = SAMPLE_RATE // 5
"""Samples from the end of a turn's last word to its cut."""

SILENCE_AFTER = 30.0
"""Seconds after which audio that brought no turn was silence, and a missing turn will not come."""


class _KnownTurn(msgspec.Struct):
    """What is known of a turn: where its words are, and when it was finished.

    An `empty` turn, one without any word, holds nothing that could be lost.
    """

    empty: bool = True
    first: int | None = None
    last: int | None = None
    finished_at: float | None = None


class Coverage:
    """What the turns of one connection cover, beyond what earlier connections did.

    Not for several threads at once.

        >>> from appliance.core.turns import Word
        >>> coverage = Coverage(origin=0, earlier=Covered(), opened_at=0.0)
        >>> coverage.sent(16_000, now=1.0)
        >>> turn = Turn(0, "hello", finished=True, words=(Word("hello", start=100, end=500),))
        >>> coverage.heard(turn, now=1.0)
        >>> coverage.covered(now=1.0)
        Covered(position=11200, origin=0, order=1)

    Args:
        origin: the position where the connection's audio starts.
        earlier: what earlier connections covered.
        opened_at: when the connection opened, in monotonic seconds, as all times here.

    Attributes:
        last_word: the position where the last word ends that was heard.
    """

    def __init__(self, origin: int, earlier: Covered, opened_at: float) -> None:
        self.origin = origin
        self.last_word = origin
        self._opened_at = opened_at
        self._covered = msgspec.structs.replace(earlier, position=origin)
        self._sent = origin
        self._marks = [(origin, opened_at)]
        self._turns: dict[int, _KnownTurn] = {}
        self._next = 0
        self._began = False
        self._wordless_until = origin

    def sent(self, position: int, now: float) -> None:
        """Note that audio up to this position was handed to the network."""
        self._sent = position
        if now - self._marks[-1][1] >= 1.0:
            self._marks.append((position, now))

    def began(self) -> None:
        """Note that the service listens: audio that nobody listened to is not silence."""
        self._began = True

    def heard(self, turn: Turn, now: float) -> None:
        """Note what a `Turn` says about the places of words and about finished turns."""
        if turn.order < self._next:
            return
        known = self._turns.setdefault(turn.order, _KnownTurn())
        known.empty = known.empty and not (turn.text or turn.tentative or turn.words)
        if turn.words and self._is_possible(end := max(word.end for word in turn.words)):
            known.first = self.position(min(word.start for word in turn.words))
            known.last = self.position(end)
            self.last_word = max(self.last_word, known.last)
        elif turn.text or turn.tentative:
            self.last_word = self._sent  # somebody spoke just now; the service does not say when
        if turn.finished and known.finished_at is None:
            known.finished_at = now

    def terminated(self) -> None:
        """Note that the service has transcribed everything that was sent."""
        self._advance(self._sent, max(self._turns, default=self._next - 1))

    def covered(self, now: float) -> Covered:
        """Return what is covered; it never shrinks."""
        while (turn := self._turns.get(self._following(now))) and turn.finished_at is not None:
            order = self._following(now)
            # Where a finished turn has words without times, its audio must be heard again.
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
        """Cover everything up to a position, with all turns up to that order.

        A turn before a position that is covered already is covered, too: it is not heard again.
        """
        position = max(position, self._covered.position)
        self._covered = Covered(position, self.origin, order + 1)

    def _following(self, now: float) -> int:
        """Return the order of the turn that must be finished next.

        That is the next number, unless it never came and a later turn finished long ago.
        """
        known = min(self._turns, default=self._next)
        finished_at = self._turns[known].finished_at if self._turns else None
        skipped = finished_at is not None and now - finished_at > SILENCE_AFTER
        return known if skipped else self._next

    def _cut(self, order: int, end: int) -> int:
        later = (turn.first for key, turn in self._turns.items() if key > order)
        next_word = min((first for first in later if first is not None), default=None)
        cut = end + MARGIN
        if next_word is not None:
            cut = min(cut, (end + max(end, next_word)) // 2)
        return min(cut, self._sent)

    def _silent(self, now: float) -> int:
        """Return the position up to which audio was heard long ago without a turn.

        A backlog is sent faster than it is heard: audio counts as heard once the connection has
        been open for as long as the audio lasts.
        """
        heard = self.origin + round((now - self._opened_at - SILENCE_AFTER) * SAMPLE_RATE)
        old = [mark for mark in self._marks if now - mark[1] > SILENCE_AFTER]
        if not old:
            return self.origin
        del self._marks[: len(old) - 1]
        return min(old[-1][0], heard)

    def _is_possible(self, milliseconds: int) -> bool:
        """Return whether a word can end there: none does where nothing was sent."""
        return self.origin + milliseconds * SAMPLE_RATE // 1000 <= self._sent + TOLERANCE

    def position(self, milliseconds: int) -> int:
        """Return the position of a time on this connection, limited to what was sent."""
        position = self.origin + milliseconds * SAMPLE_RATE // 1000
        return min(max(position, self.origin), self._sent)
