"""Syntax of a phrase in `[[commands]]`: words, optional ones in brackets, and slots."""

import itertools
import re
from collections.abc import Sequence

from appliance.settings.spoken_words import Way, ways_to_speak

MAX_BRACKETS = 6
"""Pairs of brackets in a phrase; each doubles the ways to say it."""

_PHRASE = re.compile(r"(?:[^\[\]]|\[[^\[\]]*\])*")
"""A phrase with brackets around some of its words, and no brackets within brackets."""

HYPHEN = r"(?<=[^\W\d_])[-\u2010\u2011](?=[^\W\d_])"
"""A hyphen within a word: a pattern."""

_SLOT = "slotxq"
"""How a slot is spelt while a phrase is taken apart: as a word that is in no language."""

_BRACKET_IN_WORD = re.compile(r"\w\[\w|\w\]\w")


def ways_to_say(
    phrase: str, slots: Sequence[str] = (), *, decimal_comma: bool | None = None
) -> set[Way]:
    """Return every way to say a phrase; a slot is one word of it.

    A word with hyphens may also be written without them: "Wi-Fi" as "WiFi".

    >>> sorted(" ".join(way.words) for way in ways_to_say("turn on [the] lamp"))
    ['turn on lamp', 'turn on the lamp']
    >>> [way.words for way in ways_to_say("call me {name}", ["{name}"])]
    [('call', 'me', '{name}')]

    Args:
        phrase: words, of which those in brackets are optional.
        slots: what must stand in the phrase once, such as "{name}", for words that vary.
        decimal_comma: whether its language has a decimal comma; None if that is not known.

    Raises:
        ValueError: the phrase is not valid; the message says why.
    """
    if missing := [slot for slot in slots if phrase.count(slot) != 1]:
        raise ValueError(f"it needs {missing[0]}, once")
    if any(slot in optional for slot in slots for optional in re.findall(r"\[[^\]]*", phrase)):
        raise ValueError("what stands in for words can't be optional")
    spoken = {f"{_SLOT}{chr(ord('a') + number)}": slot for number, slot in enumerate(slots)}
    for word, slot in spoken.items():
        phrase = phrase.replace(slot, f" {word} ")
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
    ways = {way for text in texts | joined for way in ways_to_speak(text, decimal_comma)}
    if any(set(way.words) <= spoken.keys() for way in ways):
        raise ValueError("it has no word that must be said")
    return {way._replace(words=tuple(spoken.get(word, word) for word in way.words)) for way in ways}
