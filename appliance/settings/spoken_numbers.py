"""Numbers as they are said in English: each function returns all readings, the usual one first."""

import re
from collections.abc import Iterator

Words = tuple[str, ...]
Readings = list[Words]

ONES: Words = tuple(
    re.findall(
        r"\w+",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen",
    )
)
TENS: Words = tuple(
    re.findall(r"\w+", "zero ten twenty thirty forty fifty sixty seventy eighty ninety")
)
SCALES: Words = ("hundred", "thousand")
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
MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
}
MOST_DIGITS = 6
"""Digits of the longest whole number that is spelt."""

FEWEST_DICTATED = 3
"""Digits of the shortest number that may be said one by one."""

YEARS = range(1100, 2100)
"""Numbers that may be said in pairs of figures."""

_POINT = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<places>\d+))?")
_COMMA = re.compile(r"(?P<whole>\d{1,3}(?:\.\d{3})+|\d+)(?:,(?P<places>\d+))?")


def whole(value: int) -> Words:
    """Return a number below a million.

    >>> whole(105)
    ('one', 'hundred', 'five')
    """
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            count, rest = divmod(value, size)
            return (*whole(count), name, *(whole(rest) if rest else ()))
    if value < 20:
        return (ONES[value],)
    tens, ones = divmod(value, 10)
    return (TENS[tens], *((ONES[ones],) if ones else ()))


def ordinal(number: Words) -> Words:
    """Return the ordinal of a spelt number."""
    *words, last = number
    if last not in _IRREGULAR_ORDINALS:
        return (*words, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return (*words, _IRREGULAR_ORDINALS[last])


def number(written: str, decimal_comma: bool | None = None) -> Readings:
    """Return how a number may be said.

    >>> number("2.5")[0], number("1.000", decimal_comma=True)[0]
    (('two', 'point', 'five'), ('one', 'thousand'))

    Args:
        written: figures with points and commas.
        decimal_comma: whether the language has a decimal comma, and a point between thousands;
            None if that is not known.
    """
    found: Readings = []
    if decimal_comma is not True:
        found += _in_parts(written, _POINT)
    if decimal_comma is not False and (match := _COMMA.fullmatch(written)):
        found += _decimal(match["whole"].replace(".", ""), match["places"] or "")
    return list(dict.fromkeys(found or _in_parts(written, _POINT)))


def _in_parts(written: str, pattern: re.Pattern[str]) -> Readings:
    """Return the readings of a number, or of several that stand together, as "2,5" may be."""
    found = [
        _decimal(it["whole"].replace(",", ""), it["places"] or "")
        for it in pattern.finditer(written)
    ]
    return found[0] if len(found) == 1 else [tuple(word for it in found for word in it[0])]


def _decimal(figures: str, places: str) -> Readings:
    if len(figures) > MOST_DIGITS:
        return [(f"{figures}.{places}" if places else figures,)]
    value = int(figures)
    said = whole(value)
    if not places:
        return [said, *_pairs(figures, value), *_one_by_one(figures)]
    point = ("point", *(ONES[int(place)] for place in places))
    readings: Readings = [(*said, *point)]
    if value == 0:
        readings.append(point)
    if places in ("5", "50"):
        readings.append((*said, "and", "a", "half") if value else ("half",))
    return readings


def _pairs(figures: str, value: int) -> Iterator[Words]:
    """Yield the number as a year is said."""
    first, last = divmod(value, 100)
    if value not in YEARS or len(figures) != 4 or (first % 10 == 0 and last < 10):
        return
    yield (*whole(first), *_two_figures(last)) if last else (*whole(first), "hundred")


def _one_by_one(figures: str) -> Readings:
    """Return how a long number is dictated, such as "911"; "21" is no "two one"."""
    if len(figures) < FEWEST_DICTATED:
        return []
    return [tuple((zero, *ONES[1:])[int(it)] for it in figures) for zero in ("zero", "oh")]


def _two_figures(value: int) -> Words:
    return ("oh", *whole(value)) if value < 10 else whole(value)


def decade(figures: str) -> Readings:
    """Return how "1990s" or "30s" are said; the latter may be seconds.

    >>> decade("1990"), decade("30")
    ([('nineteen', 'nineties')], [('thirties',), ('thirty', 'seconds')])
    """
    first, last = divmod(int(figures), 100)
    if last == 0 and first:
        return [_many(whole(int(figures))), _many((*whole(first), "hundred"))]
    readings = [(*(whole(first) if first else ()), *_many(whole(last)))]
    return readings if first else [*readings, (*whole(last), "seconds")]


def _many(number: Words) -> Words:
    *words, last = number
    return (*words, f"{last[:-1]}ies" if last.endswith("y") else f"{last}s")


def time_of_day(hour: int, minute: int) -> Readings:
    """Return a time as it is read from a clock, and from its hands.

    >>> time_of_day(7, 30)
    [('seven', 'thirty'), ('half', 'past', 'seven')]
    """
    hours, minutes = whole(hour), whole(minute)
    if minute == 0:
        return [hours]
    readings: Readings = [(*hours, *_two_figures(minute))]
    if minute < 10:
        readings.append((*hours, "zero", *minutes))
    to = minute > 30
    apart = 60 - minute if to else minute
    side = "to" if to else "past"
    spans: Readings = [(*whole(apart), "minutes" if apart > 1 else "minute")]
    if apart % 5 == 0:
        spans = [whole(apart), *spans]
    if apart == 15:
        spans = [("quarter",), ("a", "quarter")]
    if apart == 30:
        spans = [("half",)]
    named = hour + 1 if to else hour
    clocks = dict.fromkeys(whole(it) for it in (named % 24, (named - 1) % 12 + 1) if it)
    return [*readings, *((*span, side, *clock) for span in spans for clock in clocks)]


def part_of(count: int, parts: int) -> Readings:
    """Return a fraction; what is none, such as "24/7", is two numbers."""
    if not 0 < count < parts <= 10:
        return [(*whole(count), *whole(parts))]
    one = ordinal(whole(parts))[0]
    name = _PARTS.get(parts, (one, f"{one}s"))[count > 1]
    readings: Readings = [(*whole(count), name)]
    if count == 1:
        readings += [("a", name), *([(name,)] if parts == 2 else [])]
    return readings


def mixed(units: int, count: int, parts: int) -> Readings:
    """Return a number with a fraction, such as "2 1/2"."""
    fractions = part_of(count, parts)
    return [(*whole(units), *fractions[0]), *((*whole(units), "and", *it) for it in fractions)]


def money(sign: str, amount: int, cents: int) -> Readings:
    """Return an amount; the small coin's name, or both names, may be left out."""
    one, many, cent, pence = MONEY[sign]
    unit = one if amount == 1 else many
    small = cent if cents == 1 else pence
    if cents and not amount:
        return [(*whole(cents), small), ("zero", unit, *whole(cents), small)]
    if not cents:
        return [(*whole(amount), unit)]
    said = (*whole(amount), unit, *whole(cents))
    short = (*whole(amount), *_two_figures(cents))
    return [(*said, small), said, short]


def span(first: Words, last: Words) -> Readings:
    """Return a range, such as "5-10"."""
    return [(*first, *last), (*first, "to", *last), (*first, "through", *last)]
