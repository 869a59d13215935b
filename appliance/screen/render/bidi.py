"""Bidirectional text: the visual order of the words of a line.

A small part of Unicode's bidirectional algorithm (UAX #9), on words, or parts of those that are
written in two directions; Pillow orders the letters within them.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

RIGHT_TO_LEFT = {"R", "AL"}
"""Unicode's bidirectional classes of letters of scripts like Hebrew and Arabic."""

_END_MARKS = re.compile(r"[.,!?;:\u2026\u060c\u061b\u061f]+$")


class Piece(NamedTuple):
    """Word, or a part of one, that is written in one direction.

    Attributes:
        word: the number of the word.
        text: what it holds.
        right_to_left: its direction; None if it has that of the piece before.
    """

    word: int
    text: str
    right_to_left: bool | None


@functools.lru_cache(4096)
def is_right_to_left(text: str) -> bool | None:
    """Return whether the first letter is read from right to left; None without letters.

    >>> is_right_to_left("17 words"), is_right_to_left("17 \u05de"), is_right_to_left("17")
    (False, True, None)
    """
    classes = map(unicodedata.bidirectional, text)
    return next((it in RIGHT_TO_LEFT for it in classes if it == "L" or it in RIGHT_TO_LEFT), None)


def pieces_of(words: Sequence[str], *, right_to_left: bool) -> Iterator[Piece]:
    """Yield the words of a line, parted where the direction changes within them.

    Marks at the end of a word have the direction of the paragraph, unless the text goes on against
    it.

    Args:
        words: a line, in the order in which it was spoken.
        right_to_left: whether the paragraph is read from right to left.
    """
    directions = [*map(is_right_to_left, words), right_to_left]
    against = False
    for number, word in enumerate(words):
        goes_on = next(it for it in directions[number + 1 :] if it is not None) != right_to_left
        for text in _parted(word, right_to_left):
            own = is_right_to_left(text)
            against = against if own is None else own != right_to_left
            marks = _END_MARKS.search(text) if against and not goes_on else None
            end = marks.start() if marks and word.endswith(text) else len(text)
            if text[:end]:
                yield Piece(number, text[:end], own)
            if text[end:]:
                yield Piece(number, text[end:], right_to_left)


def _parted(word: str, right_to_left: bool) -> list[str]:
    """Return the parts of a word that have one direction each.

    What stands between two directions goes with the paragraph; figures go with what is read as they
    are.
    """
    cuts, before, strong = [0], is_right_to_left(word), 0
    for at, letter in enumerate(word):
        own = is_right_to_left(letter)
        if own is None:
            continue
        if own != before:
            between = word[strong + 1 : at]
            figures = len(between) - len(between.rstrip("0123456789"))
            cuts.append(at - figures * (not own) if before == right_to_left else strong + 1)
        before, strong = own, at
    return [word[start:end] for start, end in itertools.pairwise([*cuts, len(word)])]


def visual_order(directions: Iterable[bool | None], *, right_to_left: bool) -> list[int]:
    """Return the numbers of the pieces in the order in which they are drawn, from left to right.

    >>> visual_order([True, False, None, True], right_to_left=True)
    [3, 1, 2, 0]

    Args:
        directions: of the pieces of a line, in the order in which they were spoken: whether each is
            read from right to left; None for a number, or a mark that stands alone, which has the
            direction of the piece before it.
        right_to_left: whether the paragraph is read from right to left.
    """
    order: list[int] = []
    for reverse, run in itertools.groupby(
        enumerate(_is_reversed(directions, right_to_left)), key=lambda item: item[1]
    ):
        numbers = [number for number, _ in run]
        order += reversed(numbers) if reverse else numbers
    return order[::-1] if right_to_left else order


def _is_reversed(directions: Iterable[bool | None], right_to_left: bool) -> Iterator[bool]:
    """Yield for each piece whether its direction differs from that of its paragraph."""
    direction = right_to_left
    for own in directions:
        direction = direction if own is None else own
        yield direction != right_to_left
