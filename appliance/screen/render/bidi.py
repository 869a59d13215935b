"""Bidirectional text: the visual order of the words of a line.

A small part of Unicode's bidirectional algorithm (UAX #9), on whole words; Pillow orders the
letters within a word.
"""

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Iterator

RIGHT_TO_LEFT = {"R", "AL"}
"""Unicode's bidirectional classes of letters of scripts like Hebrew and Arabic."""


@functools.lru_cache(4096)
def is_right_to_left(text: str) -> bool | None:
    """Return whether the first letter is read from right to left; None without letters.

    >>> is_right_to_left("17 words"), is_right_to_left("17 \u05de"), is_right_to_left("17")
    (False, True, None)
    """
    classes = map(unicodedata.bidirectional, text)
    return next((it in RIGHT_TO_LEFT for it in classes if it == "L" or it in RIGHT_TO_LEFT), None)


def visual_order(words: Iterable[str], *, right_to_left: bool) -> list[int]:
    """Return the numbers of the words in the order in which they are drawn, from left to right.

    Args:
        words: a line, in the order in which it was spoken.
        right_to_left: whether the paragraph is read from right to left.
    """
    order: list[int] = []
    for reverse, run in itertools.groupby(
        enumerate(_is_reversed(words, right_to_left)), key=lambda item: item[1]
    ):
        numbers = [number for number, _ in run]
        order += reversed(numbers) if reverse else numbers
    return order[::-1] if right_to_left else order


def _is_reversed(words: Iterable[str], right_to_left: bool) -> Iterator[bool]:
    """Yield for each word whether its direction differs from that of its paragraph.

    A number, or a mark that stands alone, has the direction of the word before it.
    """
    direction = right_to_left
    for word in words:
        own = is_right_to_left(word)
        direction = direction if own is None else own
        yield direction != right_to_left
