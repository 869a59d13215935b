"""Which way a line is read: the order in which its words stand, where scripts run both ways.

A small part of Unicode's bidirectional algorithm (UAX #9), on whole words; Pillow sees to the
letters within a word.
"""

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Iterator

LEFTWARD = {"R", "AL"}


@functools.lru_cache(4096)
def runs_leftward(text: str) -> bool | None:
    """Tell whether the text's first letter is read from right to left; None without letters."""
    kinds = map(unicodedata.bidirectional, text)
    return next((kind in LEFTWARD for kind in kinds if kind in LEFTWARD or kind == "L"), None)


def places(words: Iterable[str], *, leftward: bool) -> list[int]:
    """Return the words' numbers in the order in which they stand, from left to right.

    Args:
        words: a line, in the order in which it was said.
        leftward: whether the paragraph is read from right to left.
    """
    placed: list[int] = []
    for against, run in itertools.groupby(
        enumerate(_against(words, leftward)), key=lambda item: item[1]
    ):
        numbers = [number for number, _ in run]
        placed += reversed(numbers) if against else numbers
    return placed[::-1] if leftward else placed


def _against(words: Iterable[str], leftward: bool) -> Iterator[bool]:
    """Tell of each word whether it runs against its paragraph.

    A number, or a mark that stands alone, goes the way of the word before it.
    """
    way = leftward
    for word in words:
        own = runs_leftward(word)
        way = way if own is None else own
        yield way != leftward
