"""The syntax of a phrase in `[[commands]]`."""

import itertools
import re

from appliance.settings.spoken_words import spoken_words

MOST_OPTIONS = 6
"""Brackets in a phrase: with each, it may be said in twice as many ways."""


Words = tuple[str, ...]


_PHRASE = re.compile(r"(?:[^\[\]]|\[[^\[\]]*\])*")
"""A phrase with brackets around some of its words, and none within brackets."""


_BRACKET_IN_WORD = re.compile(r"\w\[\w|\w\]\w")


def ways_to_say(phrase: str) -> set[Words]:
    """Return every way to say a phrase: "turn on [the] lamp" may be said in two.

    Raises:
        ValueError: it can't be said; the message says why.
    """
    if not _PHRASE.fullmatch(phrase):
        raise ValueError("its brackets don't match")
    if _BRACKET_IN_WORD.search(phrase):
        raise ValueError("its brackets stand within a word")
    pieces = re.split(r"\[([^\[\]]*)\]", phrase)  # every other one stood in brackets
    if len(pieces) // 2 > MOST_OPTIONS:
        raise ValueError(f"it has more than {MOST_OPTIONS} brackets")
    options = [("", piece) if number % 2 else (piece,) for number, piece in enumerate(pieces)]
    ways = {tuple(spoken_words(" ".join(way))) for way in itertools.product(*options)}
    if () in ways:
        raise ValueError("it has no word that must be said")
    return ways
