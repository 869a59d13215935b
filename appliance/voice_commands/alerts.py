"""Alerts: words of `[alert]` that are heard in a turn, each turn once."""

import functools
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from appliance.core.command_events import AlertHeard
from appliance.core.events import Event, TurnReceived
from appliance.core.scripts import is_ideographic, is_syllabic, joined
from appliance.settings.phrases import HYPHEN
from appliance.settings.spoken_words import Way, ways_to_speak
from appliance.voice_commands.heard_again import MOST_AGE, ActedTurns, age_of
from appliance.voice_commands.pieces import PieceSplitter, followed, meant_by, starts_of

_POSSESSIVE = "'s"


class Place(NamedTuple):
    """Place of a word in a text, and the word as the settings have it."""

    start: int
    end: int
    word: str


class AlertWords:
    """Words that call the reader, however a text writes them.

    They are compared as they are spoken: case, punctuation and the possessive do not matter. In a
    script without spaces, a word may stand anywhere.

    >>> words = AlertWords(["Anna", "grandma"])
    >>> text = "Is that ANNA's bag, Grandma?"
    >>> [text[it.start : it.end] for it in words.places_in(text)]
    ["ANNA's", 'Grandma']
    >>> words.places_in("Hannah sings.")
    ()

    Args:
        words: as the settings have them.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._unspaced = [it for it in words if any(map(_is_unspaced, it))]
        self._spoken: dict[Way, str] = {}
        for word in words:
            for written in (word, re.sub(HYPHEN, "", word)):
                for way in ways_to_speak(written):
                    self._spoken.setdefault(way, word)
        self._spoken = {way: word for way, word in self._spoken.items() if way.words}
        self._starts = starts_of(self._spoken)
        self._splitter = PieceSplitter(self._spoken)
        self._vocabulary = {word for way in self._spoken for word in way.words}
        self.places_in = functools.lru_cache(64)(self._places_in)

    def _places_in(self, text: str) -> tuple[Place, ...]:
        """Return the places of all words in a text, in its order."""
        if not self._spoken:
            return ()
        pieces = [
            piece._replace(ways=[self._without_possessive(way) for way in piece.ways])
            for piece in self._splitter.pieces(text)
        ]
        spaced = (
            Place(pieces[begin].start, pieces[end - 1].end, self._spoken[meant])
            for begin in range(len(pieces))
            for end, ways in followed(pieces, begin, len(pieces), self._starts)
            for way in ways
            if (meant := meant_by(way, self._spoken))
        )
        unspaced = (
            Place(*found.span(), word)
            for word in self._unspaced
            for found in re.finditer(re.escape(word), text, re.IGNORECASE)
        )
        return tuple(sorted({*spaced, *unspaced}))

    def _without_possessive(self, way: Way) -> Way:
        words = (it if it in self._vocabulary else it.removesuffix(_POSSESSIVE) for it in way.words)
        return way._replace(words=tuple(words))


class AlertWatch:
    """Watch for words that call the reader; runs on the controller's thread.

    Partial turns count, too: who is called should look up at once. Words that come too late, after
    an outage or a restart, call nobody.

    Args:
        words: of the settings.
        began_at: when a session began, on this boot's monotonic clock; None for earlier boots.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        words: AlertWords,
        began_at: Callable[[str], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._words = words
        self._began_at = began_at
        self._clock = clock
        self._called = ActedTurns()

    def handle(self, event: Event) -> list[Event]:
        """Return the alert that a turn gives, if it is the first of this turn."""
        if not isinstance(event, TurnReceived):
            return []
        text = joined(normal(event.turn.text), normal(event.turn.tentative))
        places = self._words.places_in(text)
        if not places or self._called.has(event):
            return []
        self._called.add(event)
        if not self._is_recent(event):
            return []
        return [AlertHeard(event.session, places[0].word, text, event.started)]

    def _is_recent(self, event: TurnReceived) -> bool:
        age = age_of(event, self._began_at, self._clock())
        return age is not None and age <= MOST_AGE


def _is_unspaced(letter: str) -> bool:
    return is_ideographic(letter) or is_syllabic(letter)


def normal(text: str) -> str:
    """Return a text with each accent in its letter, as it is shown."""
    return unicodedata.normalize("NFC", text)
