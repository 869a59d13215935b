"""Pieces of a text: words by their places, each with the ways in which it may be spoken."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from appliance.settings.phrases import HYPHEN
from appliance.settings.spoken_numbers import Words
from appliance.settings.spoken_words import (
    INITIALS_POINT,
    MINUS_SIGN,
    NUMBER_SPACE,
    RANGE,
    Way,
    in_one_wording,
    ways_to_speak,
)

_PIECE = re.compile(
    rf"(?:{RANGE}|{NUMBER_SPACE}|{MINUS_SIGN}|[^\s\-–—,.:;!?…，。：；！？、]"  # noqa: RUF001 - Chinese
    rf"|(?<=\d)[.,:](?=\d)|{INITIALS_POINT}|{HYPHEN})+"
)
"""Text without a break: mostly a word, also with hyphens; a number keeps its points and sign."""


class Piece(NamedTuple):
    """Piece of a text: how it may have been said, and where it begins and ends.

    One piece may be several spoken words, as "21" is.
    """

    ways: list[Way]
    start: int
    end: int


class PieceSplitter:
    """Splitter of texts into pieces, as the words of known phrases are written.

    Args:
        known: the phrases, as they are spoken.
        decimal_comma: whether the language of the texts has a decimal comma; None if that is not
            known.
    """

    def __init__(self, known: Iterable[Way], decimal_comma: bool | None = None) -> None:
        self._vocabulary = {word for way in known for word in way.words}
        self._decimal_comma = decimal_comma

    def pieces(self, text: str) -> list[Piece]:
        """Return the pieces of a text that are spoken."""
        spans = list(_spans(text, self._is_joined))
        ways = [self._ways(text[begin:end]) for begin, end in spans]
        worded = in_one_wording(it[0].words for it in ways)
        placed = (
            Piece(it if said == it[0].words else [Way(said)], *span)
            for it, said, span in zip(ways, worded, spans, strict=True)
        )
        return [piece for piece in placed if piece.ways[0].words]

    def _is_joined(self, piece: str) -> bool:
        """Return whether a phrase has the piece as one word, without the hyphens in it."""
        return bool(re.search(HYPHEN, piece)) and any(
            set(way.words) <= self._vocabulary for way in self._ways(piece)
        )

    def _ways(self, piece: str) -> list[Way]:
        return ways_to_speak(re.sub(HYPHEN, "", piece), self._decimal_comma)


def meant_by(said: Way, phrases: Container[Way]) -> Way | None:
    """Return the phrase that was said.

    Only one of the two may be in another way than the usual one: 19:30 may be read as half past
    seven, and 7:30 may, but they are not the same.
    """
    unusual = (Way(said.words, usual=False),) if said.usual else ()
    return next((it for it in (Way(said.words), *unusual) if it in phrases), None)


def starts_of(phrases: Iterable[Way]) -> set[Words]:
    """Return the words with which phrases begin, up to the whole phrase."""
    return {way.words[:end] for way in phrases for end in range(1, len(way.words) + 1)}


def followed(
    pieces: Sequence[Piece], begin: int, end: int, starts: set[Words]
) -> Iterator[tuple[int, list[Way]]]:
    """Yield what may have been said from `begin` to each later piece, if a phrase starts so."""
    ways = [Way(())]
    for number in range(begin, end):
        longer = (
            Way(way.words + said.words, usual=way.usual and said.usual)
            for way in ways
            for said in pieces[number].ways
        )
        ways = [way for way in longer if not way.words or way.words in starts]
        if not ways:
            return
        yield number + 1, ways


def _spans(text: str, joined: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each piece; at a hyphen in it, another begins unless `joined`."""
    for piece in _PIECE.finditer(text):
        begin = piece.start()
        if not joined(piece.group()):
            for hyphen in re.finditer(HYPHEN, piece.group()):
                yield begin, piece.start() + hyphen.start()
                begin = piece.start() + hyphen.end()
        yield begin, piece.end()
