"""Normalisation of text to spoken words: without case and punctuation, figures spelt out."""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from appliance.settings import spoken_numbers as numbers
from appliance.settings.spoken_numbers import MONEY, Readings, Words

_SIGNS = {
    "%": "percent",
    "°": "degrees",
    "&": "and",
    "#": "number",
    "+": "plus",
    "@": "at",
    "¢": "cents",
} | {sign: names[1] for sign, names in MONEY.items()}
_VARIANTS = {
    "percent": (("per", "cent"),),
    "degrees": (("degree",),),
    "dr": (("doctor",),),
    "mr": (("mister",),),
    "mrs": (("missus",), ("missis",)),
    "vs": (("versus",),),
    "prof": (("professor",),),
    "st": (("saint",), ("street",)),
    "ave": (("avenue",),),
    "jr": (("junior",),),
    "sr": (("senior",),),
    "etc": (("et", "cetera"),),
    "approx": (("approximately",),),
    "mph": (("miles", "per", "hour"),),
}
"""Other ways to say a word that is mostly written short."""

_UNITS = {
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "km": "kilometer",
    "g": "gram",
    "kg": "kilogram",
    "ml": "milliliter",
    "l": "liter",
    "ms": "millisecond",
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "w": "watt",
    "kw": "kilowatt",
    "v": "volt",
    "hz": "hertz",
    "db": "decibel",
    "gb": "gigabyte",
    "mb": "megabyte",
}
_SCALES_OF_HEAT = {"c": ("celsius", "centigrade"), "f": ("fahrenheit",)}
_MINUS = "-\N{MINUS SIGN}"
_BRITISH = {f"{name[:-2]}re": name for name in _UNITS.values() if name.endswith("ter")}
_SPELLINGS = {
    "ok": "okay",
    **_BRITISH,
    **{f"{british}s": f"{name}s" for british, name in _BRITISH.items()},
}
_BEFORE_AND = (*numbers.SCALES, "dollar", "dollars", "euro", "euros", "pound", "pounds")
DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"
"""In Turkish and Azerbaijani, "I" is its capital."""

_TURKISH = (DOTLESS_I, *"İğĞ")

INITIALS_POINT = r"(?<=\b[^\W\d_])[./](?=[^\W\d_]\b)"
"""A point or slash between single letters, as in "T.V." and "A/C": a pattern."""

_THOUSANDS_MARK = "(?<=\\d)[\u00a0\u202f'\u2019](?=\\d{3}(?!\\d))"

MINUS_SIGN = rf"(?<![^\s(\[«\"“])[{_MINUS}](?=[$€£]?\d)"
"""A sign before a number, and no hyphen: a pattern."""

_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_GROUPED = r"\d{1,3}(?:[.,]\d{3})+|\d{1,6}"
_SPACE = "[ \u00a0\u202f]"

RANGE = r"(?<![\d.,-])\d{1,6}[-\N{EN DASH}]\d{1,6}(?![\d.,]*[-\N{EN DASH}\d])"
"""Numbers with a dash between them, as in "5-10", but no date: a pattern."""

NUMBER_SPACE = (
    rf"(?<=[\d¼-¾⅐-⅞]){_SPACE}(?=\d{{1,2}}/\d|[%°€$£]|(?i:{_UNIT})\b)|(?<=°){_SPACE}(?=[CFcf]\b)"
    rf"|(?<=\b[Nn][or])\.\s?(?=\d)|(?<=[$€£]){_SPACE}(?=\d)|{_THOUSANDS_MARK}"
)
"""What joins a number and its unit or fraction, or parts of it, and the point in "No. 5"."""

MOST_WAYS = 16
"""Ways to say one text; of more, only the usual one counts."""


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
        rf"|(?<![\d/.])(?:(?P<units>\d{{1,3}}){_SPACE})?"
        r"(?P<count>\d{1,2})/(?P<parts>\d{1,2})(?![\d/])"
        r"|(?P<ordinal>\d{1,6})(?:st|nd|rd|th)\b"
        r"|(?<![\d.,])(?P<decade>(?:1[1-9]|20)?\d0)'?s\b"
        rf"|(?P<before>[$€£]){_SPACE}?(?P<amount>{_GROUPED})(?:[.,](?P<cents>\d\d))?(?![\d.,]*\d)"
        rf"|(?<![\d.,])(?P<sum>{_GROUPED})[.,](?P<coins>\d\d){_SPACE}?(?P<behind>[$€£])"
        rf"|(?P<range>{RANGE})"
        rf"|(?<=\d){_SPACE}?(?P<unit>{_UNIT})\b"
        rf"|°{_SPACE}?(?P<heat>[cf])\b"
        r"|(?P<numero>\bn[or])\.\s?(?=\d)"
        r"|(?P<number>\d+(?:[.,]\d+)*)"
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
    usual = (readings[0] for readings in _tokens(text, turkish, decimal_comma=False))
    return [word for words in in_one_wording(usual) for word in words]


class Way(NamedTuple):
    """How a text may be spoken; `usual` as `spoken_words` has it, or in another way."""

    words: Words
    usual: bool = True


def ways_to_speak(text: str, decimal_comma: bool | None = None) -> list[Way]:
    """Return the ways in which a text may be spoken, the usual one first.

    >>> [" ".join(way.words) for way in ways_to_speak("7:15")[:2]]
    ['seven fifteen', 'quarter past seven']

    Args:
        text: in any language.
        decimal_comma: whether its language has a decimal comma; None if that is not known.
    """
    ways: dict[Words, Way] = {}
    for turkish in (None, True) if "I" in text else (None,):
        ways_of_tokens = itertools.product(*_tokens(text, turkish, decimal_comma))
        for way in itertools.islice(ways_of_tokens, MOST_WAYS):
            words = tuple(word for group in in_one_wording(way) for word in group)
            ways.setdefault(words, Way(words, usual=not ways))
    return list(ways.values())


def _tokens(text: str, turkish: bool | None, decimal_comma: bool | None) -> Iterator[Readings]:
    plain = _caseless(text, turkish).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = re.sub(rf"{INITIALS_POINT}|{_THOUSANDS_MARK}", "", plain)
    for token in _token().finditer(plain):
        yield _readings(token, decimal_comma)


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
    number_words = _number_words()
    match word:
        case "o'clock" if before in number_words:
            return ""
        case "a" if after in (*numbers.SCALES, "quarter"):
            return "" if after == "quarter" else "one"
        case "negative" if after in number_words:
            return "minus"
        case "and" if before in _BEFORE_AND and after in number_words:
            return ""
    return word


@functools.cache
def _number_words() -> frozenset[str]:
    plain = [*numbers.ONES, *numbers.TENS[2:], *numbers.SCALES]
    return frozenset([*plain, *(numbers.ordinal((it,))[0] for it in plain)])


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


def _readings(token: re.Match[str], decimal_comma: bool | None) -> Readings:
    """Return how a token may be said, the usual way first."""
    if token.lastgroup is None:
        word = token.group()
        usual = _SIGNS.get(word) or _SPELLINGS.get(word, word)
        return [(usual,), *_VARIANTS.get(usual, ())]
    part = token.groupdict()
    match token.lastgroup:
        case "minute":
            found = numbers.time_of_day(int(part["hour"]), int(part["minute"]))
        case "parts":
            found = _fraction_of(part)
        case "ordinal":
            found = [numbers.ordinal(numbers.whole(int(part["ordinal"])))]
        case "decade":
            found = numbers.decade(part["decade"])
        case "amount" | "cents" | "behind":
            found = _amount(part)
        case "range":
            ends = re.findall(r"\d+", part["range"])
            found = numbers.span(*(numbers.whole(int(it)) for it in ends))
        case "number":
            found = numbers.number(token.group(), decimal_comma)
        case "unit":
            found = _unit(part["unit"])
        case "heat":
            found = _heat(part["heat"])
        case "numero":
            found = [(part["numero"],), ("number",)]
        case _:
            found = [("minus",)]
    return found


def _unit(unit: str) -> Readings:
    return [(unit,), (_UNITS[unit],), (f"{_UNITS[unit]}s",)]


def _heat(scale: str) -> Readings:
    named = ((), (scale,), *((it,) for it in _SCALES_OF_HEAT[scale]))
    degrees = ((it, *scale) for it in ("degrees", "degree") for scale in named)
    return [("degrees", scale), *degrees]


def _fraction_of(part: dict[str, str]) -> Readings:
    count, parts = int(part["count"]), int(part["parts"])
    if part["units"]:
        return numbers.mixed(int(part["units"]), count, parts)
    return numbers.part_of(count, parts)


def _amount(part: dict[str, str]) -> Readings:
    sign, figures, coins = (
        part[one] or part[other] or ""
        for one, other in (("before", "behind"), ("amount", "sum"), ("cents", "coins"))
    )
    return numbers.money(sign, int(re.sub("[.,]", "", figures)), int(coins or 0))
