"""Model of speech, of a service that hears it, and of a history: no network, no threads.

Everything is in milliseconds and whole audio samples; time passes in steps of `STEP`.
"""

import random
from dataclasses import dataclass, field

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered, Key, Turn, Word

MS = SAMPLE_RATE // 1000
STEP = 100
"""Milliseconds: a frame."""

PAUSE = 400
"""Milliseconds between two words at which a service may end a turn."""

MISPLACED = 150
"""Milliseconds by which word times may be off, either way."""


@dataclass(frozen=True)
class Said:
    """A word, from and to these milliseconds of the session."""

    text: str
    start: int
    end: int


def said(gaps: list[int], word: int = 300) -> list[Said]:
    """Return words of equal length with these milliseconds before each."""
    words, now = [], 0
    for number, gap in enumerate(gaps):
        words.append(Said(f"w{number}", now + gap, now + gap + word))
        now += gap + word
    return words


class Service:
    """A service's side of one connection, whose audio starts at `origin`.

    A word is heard when all of it came on this connection, `delay` ms after it was sent; a turn
    ends at any pause (or not), and is said to be finished some time later: so turns may finish
    out of order.
    """

    def __init__(self, origin: int, words: list[Said], chance: random.Random) -> None:
        self._chance = chance
        self._origin = origin
        whole = [word for word in words if word.start * MS >= origin]
        self._misplaced = {word: self._place(word) for word in whole}
        self._upcoming = whole
        self._delay = chance.choice([0, 0, 200, 1500, 20_000])
        self._eagerness = chance.choice([0.3, 0.8, 1.0])
        self._slowness = chance.choice([0, 3000, 12_000])
        self._sent = [(0, origin)]
        self._order = 0
        self._words: list[Said] = []
        self._closing: list[tuple[int, Turn]] = []

    def take(self, position: int, now: int) -> None:
        """Take audio up to a position."""
        self._sent.append((now, position))

    def hear(self, now: int) -> list[Turn]:
        """Return the turns due by now."""
        while len(self._sent) > 1 and self._sent[1][0] <= now - self._delay:
            del self._sent[0]
        return self._hear_until(self._sent[0][1], now)

    def terminate(self, now: int) -> list[Turn]:
        """Hear all that was sent, and finish all turns, in any order."""
        turns = self._hear_until(self._sent[-1][1], now)
        if self._words:
            self._close(now)
        last = [turn for _, turn in self._closing]
        self._chance.shuffle(last)
        return turns + last

    def _hear_until(self, position: int, now: int) -> list[Turn]:
        turns = []
        while self._upcoming and self._upcoming[0].end * MS <= position:
            word = self._upcoming.pop(0)
            if self._words and word.start - self._words[-1].end >= PAUSE and self._ends_turn():
                self._close(now)
            self._words.append(word)
            turns.append(self._turn(finished=False))
        idle = self._words and position - self._words[-1].end * MS >= PAUSE * MS
        following = self._upcoming[0].start if self._upcoming else None
        known = following is None or following - self._words[-1].end >= PAUSE if idle else False
        if idle and known and self._ends_turn():
            self._close(now)
        due = [turn for at, turn in self._closing if at <= now]
        self._closing = [(at, turn) for at, turn in self._closing if at > now]
        return turns + due

    def _ends_turn(self) -> bool:
        return self._chance.random() < self._eagerness

    def _close(self, now: int) -> None:
        finished = self._turn(finished=True)
        at = now + self._chance.randint(0, self._slowness)
        self._closing.append((at, finished))
        if self._chance.random() < 0.7:  # the formatted message may be lost
            self._closing.append((at + 50, finished))
        self._order += 1
        self._words = []

    def _turn(self, *, finished: bool) -> Turn:
        text = " ".join(word.text for word in self._words)
        words = tuple(self._misplaced[word] for word in self._words)
        return Turn(self._order, text, finished, words=words)

    def _place(self, word: Said) -> Word:
        """Return the word in the connection's time, with an error in its times."""
        origin = self._origin // MS
        start = word.start - origin + self._chance.randint(-MISPLACED, MISPLACED)
        end = word.end - origin + self._chance.randint(-MISPLACED, MISPLACED)
        return Word(word.text, max(0, start), max(end, start, 0))


@dataclass
class Record:
    """The database: finished turns and what they cover, committed together."""

    turns: dict[Key, str] = field(default_factory=dict)
    covered: Covered = field(default_factory=Covered)

    def restart(self, covered: Covered) -> None:
        self.turns = {key: text for key, text in self.turns.items() if key < covered.key}

    def keep(self, origin: int, turn: Turn, covered: Covered) -> None:
        self.turns[origin, turn.order] = turn.text
        self.cover(covered)

    def cover(self, covered: Covered) -> None:
        if covered.position >= self.covered.position:
            self.covered = covered

    @property
    def words(self) -> list[str]:
        return " ".join(text for _, text in sorted(self.turns.items())).split()
