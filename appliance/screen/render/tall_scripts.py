"""Phrases in scripts whose letters need more pixels than Latin ones, such as Chinese and Thai."""

import unicodedata

PHRASE = 3
"""Letters from which on a phrase in other text is set larger; one or two have that text's size."""

_TALL = (range(0x0900, 0x10A0), range(0x1200, 0x13A0), range(0x1780, 0x1800))
"""Devanagari to Burmese, Ethiopic, Khmer."""


def tall_places(text: str) -> frozenset[int]:
    """Return the indexes of the characters in phrases of tall scripts.

    Only letters of other scripts end a phrase. A text without those is one, however short.

    >>> sorted(tall_places("A \u732b or \u732b\u304c\u3044\u308b."))
    [6, 7, 8, 9, 10, 11]
    """
    if text.isascii():
        return frozenset()
    phrases: list[list[int]] = [[]]
    for place, character in enumerate(text):
        if character.isalpha() and not _is_tall(character):
            phrases.append([])
        else:
            phrases[-1].append(place)
    least = PHRASE if len(phrases) > 1 else 1
    tall = (it for it in phrases if sum(_is_tall(text[place]) for place in it) >= least)
    return frozenset(place for phrase in tall for place in phrase)


def _is_tall(character: str) -> bool:
    return (
        character > "\u08ff"
        and character.isalpha()
        and (
            unicodedata.east_asian_width(character) in {"W", "F"}
            or any(ord(character) in script for script in _TALL)
        )
    )
