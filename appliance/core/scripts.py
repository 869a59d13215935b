"""Scripts that are written without spaces between words, and how two texts of any script join."""

import unicodedata

_SYLLABIC = (
    range(0x0E00, 0x0F00),  # Thai, Lao
    range(0x1000, 0x10A0),  # Burmese
    range(0x1780, 0x1800),  # Khmer
    range(0x1950, 0x19E0),  # Tai Le, New Tai Lue
    range(0x1A20, 0x1AB0),  # Tai Tham
    range(0xA9E0, 0xAA00),
    range(0xAA60, 0xAAE0),  # more of Burmese, Tai Viet
)

_HANGUL = (
    range(0x1100, 0x1200),
    range(0x3130, 0x3190),
    range(0xA960, 0xA980),
    range(0xAC00, 0xD800),
)

_OPENING = frozenset("\"'#&@*/\\\u00a1\u00bf\u2018\u201c")
"""Marks that stand before a word, or on both of its sides."""


def is_syllabic(character: str) -> bool:
    """Return whether the script has neither spaces nor marks between words: Thai, Burmese ..."""
    return any(ord(character) in script for script in _SYLLABIC)


def is_ideographic(character: str) -> bool:
    """Return whether the character is an ideograph, kana, or punctuation among them.

    >>> [it for it in "a\u732b\u30ab\u3002\uace0" if is_ideographic(it)]
    ['\u732b', '\u30ab', '\u3002']
    """
    return (
        unicodedata.east_asian_width(character) in {"W", "F"}
        and unicodedata.category(character)[0] in "LPN"
        and not any(ord(character) in letters for letters in _HANGUL)
    )


def is_closing(character: str) -> bool:
    """Return whether the character is punctuation that belongs to what is before it."""
    category = unicodedata.category(character)
    return category == "Pe" or (category in {"Pf", "Po"} and character not in _OPENING)


def joined(text: str, more: str) -> str:
    """Return two texts as one, with a space between them if their scripts are written with spaces.

    >>> joined("Good", "morning"), joined("Good", ", yes"), joined("\u4f60", "\u597d")
    ('Good morning', 'Good, yes', '\u4f60\u597d')
    """
    if not text or not more or text[-1].isspace() or more[0].isspace() or is_closing(more[0]):
        return text + more
    last = next((it for it in reversed(text) if unicodedata.category(it)[0] != "M"), text[-1])
    spaceless = any(is_syllabic(it) or is_ideographic(it) for it in (last, more[0]))
    return text + more if spaceless or unicodedata.category(more[0])[0] == "M" else f"{text} {more}"
