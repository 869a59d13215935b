"""Slots of a phrase: which of the spoken words stand for a speaker's letter, and for a name."""

from collections.abc import Sequence

from appliance.settings.commands import LETTER_SLOT, NAME_SLOT
from appliance.settings.spoken_numbers import Words

MAX_NAME_WORDS = 3
"""Words of a name; what is longer is a sentence that happens to begin like the command."""

_SPELLINGS = {
    "A": "ay eh",
    "B": "be bee",
    "C": "see sea",
    "D": "dee",
    "F": "ef",
    "G": "gee",
    "H": "aitch",
    "I": "eye",
    "J": "jay",
}
"""Ways in which a recognizer may write an English letter; the service has ten speakers at most."""

_LETTER_OF = {word: letter for letter, words in _SPELLINGS.items() for word in words.split()}

Span = tuple[int, int]
"""The first of some words, and the one after the last."""


def letter_of(spoken: str) -> str:
    """Return the letter that a word is, however it is written; empty for other words.

    >>> letter_of("bee"), letter_of("b"), letter_of("beer")
    ('B', 'B', '')
    """
    letter = _LETTER_OF.get(spoken.casefold(), spoken.upper())
    return letter if len(letter) == 1 and letter.isalpha() else ""


def filled(way: Words, said: Sequence[Words]) -> dict[str, Span] | None:
    """Return what was said in each slot, if a phrase was said from the first word to the last.

    >>> filled(("{letter}", "is", "{name}"), [("a",), ("is",), ("aunt",), ("anna",)])
    {'{letter}': (0, 1), '{name}': (2, 4)}

    Args:
        way: a way to say the phrase, with its slots.
        said: the spoken words; pieces of text may be several words each, as "21" is.
    """
    return _filled(way, said, 0)


def _filled(way: Words, said: Sequence[Words], begin: int) -> dict[str, Span] | None:
    if not way:
        return {} if begin == len(said) else None
    left = len(said) - begin
    if way[0] == NAME_SLOT:
        ends = range(begin + 1, begin + min(left, MAX_NAME_WORDS) + 1)
    elif way[0] == LETTER_SLOT:
        ends = range(begin + 1, begin + 1 + bool(left and letter_of(" ".join(said[begin]))))
    else:
        words = said[begin] if left else ()
        follows = bool(words) and way[: len(words)] == words
        return _filled(way[len(words) :], said, begin + 1) if follows else None
    for end in ends:
        if (others := _filled(way[1:], said, end)) is not None:
            return {way[0]: (begin, end), **others}
    return None
