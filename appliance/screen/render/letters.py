"""Letters of a text, each with its accents and whatever else belongs to it."""

import unicodedata

VARIATIONS = frozenset(map(chr, range(0xFE00, 0xFE10)))

SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
FLAG_LETTERS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
JOINER = "\N{ZERO WIDTH JOINER}"

STACKERS = frozenset("\u1039\u17d2")
"""Burmese and Khmer signs that put the next consonant below the one before."""

VOWELS_BEFORE = frozenset("เแโใไເແໂໃໄ")
BEHIND = frozenset("ะาำๅฯๆະາຳຽຯໆៗ")
"""Thai and Lao vowels before their consonant; vowels and signs of repetition behind it."""


def letters(text: str) -> list[str]:
    """Return the text's letters, each with its accents, and emoji with what belongs to them.

    >>> len(letters("né")), len(letters("\U0001f44b\U0001f3fd!"))
    (2, 2)
    """
    found: list[str] = []
    for character in text:
        if found and _belongs(character, found[-1]):
            found[-1] += character
        else:
            found.append(character)
    return found


def _belongs(character: str, before: str) -> bool:
    """Return whether no line may begin with the character if `before` ends the one above."""
    category = unicodedata.category(character)
    if category in {"Mn", "Mc", "Me", "Cf"} or character in SKIN_TONES | BEHIND:
        return True
    if before[-1] in STACKERS:
        return category == "Lo"
    if before[-1] == JOINER:
        return category == "So"
    if character in FLAG_LETTERS:
        return len(before) == 1 and before in FLAG_LETTERS
    return before in VOWELS_BEFORE


def without_invisible(text: str) -> str:
    """Leave out invisible control characters, which the basic layout draws as boxes."""
    return "".join(it for it in text if it not in VARIATIONS and unicodedata.category(it) != "Cf")


def without_skin_tones(text: str) -> str:
    """Leave out what one-bit emoji can't show; a skin tone alone stays."""
    return text[:1] + "".join(it for it in text[1:] if it not in SKIN_TONES)
