"""Stable words: those of a turn that are the same in two messages in a row, and look settled."""

import re
import unicodedata

from msgspec.structs import replace

from appliance.core.scripts import is_ideographic, is_syllabic, joined
from appliance.core.turns import Turn

_WORD = re.compile(r"\s*\S+")

FEWEST = 2
"""Words of a turn that can be compared: the word-by-word models have one that may change."""


def with_stable_words(before: Turn | None, now: Turn) -> Turn:
    """Return a turn with its first words settled, as far as the last message had the same ones.

    Of the Pro models' turns, every word may change until the turn ends; most do not. A word that is
    revised later is replaced in its place.

    >>> first = Turn(0, "", tentative="I saw two")
    >>> now = with_stable_words(first, Turn(0, "", tentative="I saw, too, that"))
    >>> now.text, now.tentative
    ('I saw,', ' too, that')
    """
    if before is None or before.finished or now.finished or now.text:
        return now
    words = _words(now.tentative)
    if len(words) < FEWEST:
        return now
    earlier = _words(joined(before.text, before.tentative))
    pairs = zip(map(_spoken, words), map(_spoken, earlier), strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(words), len(earlier)))
    settled = "".join(words[:same])
    return replace(now, text=settled, tentative=now.tentative[len(settled) :])


def _words(text: str) -> list[str]:
    """Return the words with the spaces before them; letters, where a script has no spaces."""
    words: list[str] = []
    for word in _WORD.findall(text):
        words.append("")
        for character in word:
            # Marks and punctuation belong to the letter before them.
            if character.isalnum() and _is_spaceless(words[-1][-1:], character):
                words.append("")
            words[-1] += character
    return words


def _is_spaceless(before: str, after: str) -> bool:
    """Return whether a word may end between two letters."""
    return bool(before.strip()) and any(
        is_ideographic(it) or is_syllabic(it) for it in (before, after)
    )


def _spoken(word: str) -> str:
    """Return the word without case and punctuation, which change when a turn is formatted."""
    kept = (it for it in word.casefold() if unicodedata.category(it)[0] not in "PZ")
    return "".join(kept) or word.strip()
