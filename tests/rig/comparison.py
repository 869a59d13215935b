"""Comparison of the words that were said with a transcript."""

import re
from bisect import bisect_left
from typing import NamedTuple


class Comparison(NamedTuple):
    """Numbers of words that were lost (or heard out of order), and that were heard again."""

    lost: int
    doubled: int


def compare(said: list[str], heard: str) -> Comparison:
    """Compare the words that were said, each a different one, with a transcript.

    Capitals and punctuation don't count. A word that is heard, but not in its place, is lost: a
    transcript in the wrong order is useless.
    """
    place = {word.lower(): index for index, word in enumerate(said)}
    assert len(place) == len(said), "words can only be counted when all are different"
    places = [place[word] for word in re.findall(r"\w+", heard.lower()) if word in place]
    return Comparison(
        lost=len(said) - _longest_increasing(places),
        doubled=len(places) - len(set(places)),
    )


def _longest_increasing(places: list[int]) -> int:
    """Return the length of the longest strictly increasing subsequence."""
    smallest_ends: list[int] = []
    for place in places:
        length = bisect_left(smallest_ends, place)
        smallest_ends[length : length + 1] = [place]
    return len(smallest_ends)
