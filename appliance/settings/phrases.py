"""Syntax of a phrase in `[[commands]]`: words, of which those in brackets are optional."""

import itertools
import re

from appliance.settings.spoken_words import Words, spoken_words

MAX_BRACKETS = 6
"""Pairs of brackets in a phrase; each doubles the ways to say it."""

_PHRASE = re.compile(r"(?:[^\[\]]|\[[^\[\]]*\])*")
"""A phrase with brackets around some of its words, and no brackets within brackets."""

HYPHEN = r"(?<=[^\W\d_])[-\u2010\u2011](?=[^\W\d_])"
"""A hyphen within a word: a pattern."""

_BRACKET_IN_WORD = re.compile(r"\w\[\w|\w\]\w")


def ways_to_say(phrase: str) -> set[Words]:
    """Return every way to say a phrase, each as its spoken words.

    A word with hyphens may also be written without them: "Wi-Fi" as "WiFi".

    >>> sorted(ways_to_say("turn on [the] lamp"))
    [('turn', 'on', 'lamp'), ('turn', 'on', 'the', 'lamp')]

    Raises:
        ValueError: the phrase is not valid; the message says why.
    """
    if not _PHRASE.fullmatch(phrase):
        raise ValueError("its brackets don't match")
    if _BRACKET_IN_WORD.search(phrase):
        raise ValueError("its brackets stand within a word")
    pieces = re.split(r"\[([^\[\]]*)\]", phrase)  # every second piece was in brackets
    if len(pieces) // 2 > MAX_BRACKETS:
        raise ValueError(f"it has more than {MAX_BRACKETS} brackets")
    options = [("", piece) if number % 2 else (piece,) for number, piece in enumerate(pieces)]
    texts = {" ".join(way) for way in itertools.product(*options)}
    joined = {re.sub(HYPHEN, "", text) for text in texts}
    ways = {tuple(spoken_words(text)) for text in texts | joined}
    if () in ways:
        raise ValueError("it has no word that must be said")
    return ways
