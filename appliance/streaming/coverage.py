"""Coverage: how much of one connection's audio never needs to be sent again.

A turn is finished at its first `end_of_turn`. Its cut is a margin after its last word, since word
times are not exact, and at most half-way to the next known word. Everything before the cut is
covered once all turns below it are finished, unless the service may have been deaf before it. While
no turn is open, what the service acknowledges as silence is covered, too; from a service that
acknowledges nothing, audio that was sent long ago. All positions are samples from the session's
start.
"""

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered, Turn
from appliance.streaming.acknowledgements import Acknowledgements
from appliance.streaming.suspect_audio import TURN_TIMEOUT

TOLERANCE = SAMPLE_RATE
"""Samples beyond what was sent at which a word may end: a frame is heard before it is noted."""

MARGIN = SAMPLE_RATE // 5
"""Samples from the end of a turn's last word to its cut."""

MAX_TURNS = 1000
"""Turns that wait for an earlier one; a service has one open, or two."""


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
        acknowledgements: what the service says about the audio.

    Attributes:
        last_word: the position where the last word ends that was heard.
        acknowledgements: what the service says about the audio.
    """

    def __init__(
        self,
        origin: int,
        earlier: Covered,
        opened_at: float,
        acknowledgements: Acknowledgements | None = None,
    ) -> None:
        self.origin = origin
        self.last_word = origin
        self.acknowledgements = acknowledgements or Acknowledgements(origin, opened_at)
        self._covered = msgspec.structs.replace(earlier, position=origin)
        self._sent = origin
        self._turns: dict[int, _KnownTurn] = {}
        self._next = 0
        self._began = False
        self._wordless_until = origin

    def sent(self, position: int, now: float) -> None:
        """Note that audio up to this position was handed to the network."""
        self._sent = position
        self.acknowledgements.sent(position, now)

    def began(self) -> None:
        """Note that the service listens: audio that nobody listened to is not silence."""
        self._began = True

    def heard(self, turn: Turn, now: float) -> None:
        """Note what a `Turn` says about the places of words and about finished turns."""
        if turn.order < self._next:
            return
        if len(self._turns) >= MAX_TURNS and turn.order not in self._turns:
            self._wordless_until = self._sent  # what the last one would have covered is heard again
            if turn.order > (last := max(self._turns)):
                return
            del self._turns[last]
        known = self._turns.setdefault(turn.order, _KnownTurn())
        known.empty = known.empty and not (turn.text or turn.tentative or turn.words)
        if turn.words and self._is_possible(end := max(word.end for word in turn.words)):
            known.first = self.position(min(word.start for word in turn.words))
            known.last = self.position(end)
            self.last_word = max(self.last_word, known.last)
            for word in turn.words:
                start, end = self.position(word.start), self.position(word.end)
                self.acknowledgements.take_word(start, end, now)
        elif turn.text or turn.tentative:
            self.last_word = self._sent  # somebody spoke just now; the service does not say when
            self.acknowledgements.take_word(self._covered.position, self._sent, now)
        if turn.finished and known.finished_at is None:
            known.finished_at = now
            if not (turn.text or turn.words):
                # Words that were withdrawn may have been cut off: they must be heard again.
                known.empty, known.first, known.last = True, None, None

    def terminated(self, now: float) -> bool:
        """Note that the service has transcribed everything that was sent; return if that is so.

        It is not if the service was deaf for some of it.
        """
        told = self.acknowledgements
        if told.are_given and told.last_hole(self.covered(now).position, now):
            return False
        self._advance(self._sent, max(self._turns, default=self._next - 1))
        return True

    def covered(self, now: float) -> Covered:
        """Return what is covered; it never shrinks."""
        while (turn := self._turns.get(self._following(now))) and turn.finished_at is not None:
            order = self._following(now)
            if turn.last is not None and self._hole_before(turn.last, now):
                break
            # Where a finished turn has words without times, its audio must be heard again.
            if turn.last is not None:
                self._advance(self._cut(order, turn.last), order)
            elif not turn.empty:
                self._wordless_until = self._sent
            del self._turns[order]
            self._next = order + 1
        if self._began and all(turn.empty for turn in self._turns.values()):
            silent = self.acknowledgements.silent_until(self._covered.position, now)
            if silent > max(self._covered.position, self._wordless_until):
                self._advance(silent, self._next - 1)
        return self._covered

    def is_deaf(self, now: float) -> bool:
        """Return whether the service has missed something that it must hear again."""
        told = self.acknowledgements
        return told.are_given and told.is_deaf(self.covered(now).position, now)

    def note_end(self, now: float, *, heard: bool) -> None:
        """Note what must be heard again; `heard` says that its turns had their time."""
        if self.acknowledgements.are_given:
            self.acknowledgements.note_end(self.covered(now).position, now, heard=heard)

    def _advance(self, position: int, order: int) -> None:
        """Cover everything up to a position, with all turns up to that order.

        A turn before a position that is covered already is covered, too: it is not heard again.
        """
        position = max(position, self._covered.position)
        self.acknowledgements.forget(position)
        self._covered = Covered(position, self.origin, order + 1)

    def _hole_before(self, position: int, now: float) -> bool:
        """Return whether the service may be deaf for audio before a position."""
        if not self.acknowledgements.are_given:
            return False
        return self.acknowledgements.hole(self._covered.position, position, now) is not None

    def _following(self, now: float) -> int:
        """Return the order of the turn that must be finished next.

        That is the next number, unless it never came and a later turn finished long ago.
        """
        known = min(self._turns, default=self._next)
        finished_at = self._turns[known].finished_at if self._turns else None
        skipped = finished_at is not None and now - finished_at > TURN_TIMEOUT
        return known if skipped else self._next

    def _cut(self, order: int, end: int) -> int:
        later = (turn.first for key, turn in self._turns.items() if key > order)
        next_word = min((first for first in later if first is not None), default=None)
        cut = end + MARGIN
        if next_word is not None:
            cut = min(cut, (end + max(end, next_word)) // 2)
        return min(cut, self._sent)

    def _is_possible(self, milliseconds: int) -> bool:
        """Return whether a word can end there: none does where nothing was sent."""
        return self.origin + milliseconds * SAMPLE_RATE // 1000 <= self._sent + TOLERANCE

    def position(self, milliseconds: int) -> int:
        """Return the position of a time on this connection, limited to what was sent."""
        position = self.origin + milliseconds * SAMPLE_RATE // 1000
        return min(max(position, self.origin), self._sent)
