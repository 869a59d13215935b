"""Normalisation of text to spoken words: without case and punctuation, figures spelt out."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ("hundred", "thousand")
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
}
_SIGNS = {"%": "percent", "°": "degrees", "&": "and", "#": "number", "+": "plus"} | {
    sign: names[1] for sign, names in _MONEY.items()
}
_MINUS = "-\N{MINUS SIGN}"
_SPELLINGS = {"ok": "okay"}
_BEFORE_AND = (*_SCALES, "dollar", "dollars", "euro", "euros", "pound", "pounds")
DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"
"""In Turkish and Azerbaijani, "I" is its capital."""

_TURKISH = (DOTLESS_I, *"İğĞ")

INITIALS_POINT = r"(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)"
"""A point between single letters, as in "T.V.": a pattern."""

MINUS_SIGN = rf"(?<![^\s(\[«\"“])[{_MINUS}](?=[$€£]?\d)"
"""A sign before a number, and no hyphen: a pattern."""

Words = tuple[str, ...]


@functools.cache  # built at its first use: the settings are loaded before the first picture
def _token() -> re.Pattern[str]:
    """Return the pattern of a word: letters with their marks, a number, or a sign."""
    # Marks are parts of letters, such as the vowels of Hindi and Thai.
    marks = "".join(
        it for it in map(chr, range(0x300, 0x3100)) if unicodedata.category(it)[0] == "M"
    )
    letters = rf"(?:[^\W\d_][{marks}]*)+"
    return re.compile(
        rf"(?P<minus>{MINUS_SIGN})"
        r"|(?<![\d:.])(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?![\d:])"
        r"|(?<![\d/.])(?P<count>\d{1,2})/(?P<whole>\d{1,2})(?![\d/])"
        r"|(?P<ordinal>\d{1,6})(?:st|nd|rd|th)\b"
        r"|(?P<money>[$€£])(?P<amount>\d{1,6})(?:\.(?P<cents>\d\d))?(?![\d.]*\d)"
        r"|(?P<number>\d+(?:\.\d+)?)"
        rf"|[{''.join(map(re.escape, _SIGNS))}]"
        rf"|{letters}(?:'{letters})*"
    )


def spoken_words(text: str, *, turkish: bool | None = None) -> list[str]:
    """Return the words of a text as they are spoken, in lower case.

    Numbers below a million, ordinals, times, amounts and signs are spelt in English, whatever the
    language.

    >>> spoken_words("Turn the lamp to 21%!")
    ['turn', 'the', 'lamp', 'to', 'twenty', 'one', 'percent']

    Args:
        text: in any language.
        turkish: whether "I" is the capital of the dotless letter; None to judge by the other
            letters of the text.
    """
    plain = _caseless(text, turkish).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    plain = re.sub(INITIALS_POINT, "", plain)
    tokens = (_spoken(token) for token in _token().finditer(plain))
    return [word for words in in_one_wording(tokens) for word in words]


def in_one_wording(groups: Iterable[Sequence[str]]) -> list[Words]:
    """Return groups of spoken words, with one wording for what may be said in several.

    >>> in_one_wording([("a",), ("hundred",), ("and",), ("five",)])
    [('one',), ('hundred',), (), ('five',)]
    """
    found = [list(group) for group in groups]
    said = [(word, place) for place, group in enumerate(found) for word in group]
    for word in ("o'clock", "a", "negative", "and"):
        if any(word == it for it, _ in said):
            said = _reworded(said, word)
    worded: list[list[str]] = [[] for _ in found]
    for word, place in said:
        worded[place].append(word)
    return [tuple(group) for group in worded]


def _reworded(said: list[tuple[str, int]], word: str) -> list[tuple[str, int]]:
    kept: list[tuple[str, int]] = []
    for number, (it, place) in enumerate(said):
        before = kept[-1][0] if kept else ""
        after = said[number + 1][0] if number + 1 < len(said) else ""
        if spoken := _wording(before, after, word) if it == word else it:
            kept.append((spoken, place))
    return kept


def _wording(before: str, after: str, word: str) -> str:
    """Return how a word is said between two others, once for all ways; empty if it is left out."""
    numbers = _number_words()
    match word:
        case "o'clock" if before in numbers:
            return ""
        case "a" if after in _SCALES:
            return "one"
        case "negative" if after in numbers:
            return "minus"
        case "and" if before in _BEFORE_AND and after in numbers:
            return ""
    return word


@functools.cache
def _number_words() -> frozenset[str]:
    plain = [*_ONES, *_TENS[2:], *_SCALES]
    return frozenset([*plain, *(_ordinal([it])[0] for it in plain)])


def _caseless(text: str, turkish: bool | None) -> str:
    """Return the text in lower case; the dot of a Turkish capital is part of it."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub("[¼-¾⅐-⅞]", _fraction, text)
    if turkish is None:
        turkish = any(it in _TURKISH for it in text)
    if turkish:
        text = text.replace("I", DOTLESS_I)
    folded = text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i").casefold()
    return folded.replace("i\N{COMBINING DOT ABOVE}", "i")


def _fraction(sign: re.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", sign.group())
    return " " + plain.replace("\N{FRACTION SLASH}", "/")


def _spoken(token: re.Match[str]) -> list[str]:
    part = token.groupdict()
    word = token.group()
    match token.lastgroup:
        case "minus":
            words = ["minus"]
        case "minute":
            words = _time(int(part["hour"]), int(part["minute"]))
        case "whole":
            words = _part_of(int(part["count"]), int(part["whole"]))
        case "ordinal":
            words = _ordinal(_number(int(part["ordinal"])))
        case "amount" | "cents":
            words = _money(part["money"], int(part["amount"]), int(part["cents"] or 0))
        case "number":
            words = _decimal(word)
        case _:
            words = [_SIGNS.get(word) or _SPELLINGS.get(word, word)]
    return words


def _time(hour: int, minute: int) -> list[str]:
    if minute == 0:
        return _number(hour)
    return [*_number(hour), *(["oh"] if minute < 10 else []), *_number(minute)]


def _part_of(count: int, whole: int) -> list[str]:
    """Return a fraction; what is none, such as "24/7", is two numbers."""
    if not 0 < count < whole <= 10:
        return [*_number(count), *_number(whole)]
    one = _ordinal(_number(whole))[0]
    return [*_number(count), _PARTS.get(whole, (one, f"{one}s"))[count > 1]]


def _ordinal(number: list[str]) -> list[str]:
    *words, last = number
    if last not in _IRREGULAR_ORDINALS:
        return [*words, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"]
    return [*words, _IRREGULAR_ORDINALS[last]]


def _money(sign: str, amount: int, cents: int) -> list[str]:
    one, many, cent, pence = _MONEY[sign]
    words = [*_number(amount), one if amount == 1 else many]
    return [*words, *_number(cents), cent if cents == 1 else pence] if cents else words


def _decimal(number: str) -> list[str]:
    whole, _, decimals = number.partition(".")
    if len(whole) > 6:
        return [number]
    places = [_ONES[int(place)] for place in decimals]
    return [*_number(int(whole)), *(["point", *places] if places else [])]


def _number(value: int) -> list[str]:
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            count, rest = divmod(value, size)
            return [*_number(count), name, *(_number(rest) if rest else [])]
    if value < 20:
        return [_ONES[value]]
    tens, ones = divmod(value, 10)
    return [_TENS[tens], *([_ONES[ones]] if ones else [])]
