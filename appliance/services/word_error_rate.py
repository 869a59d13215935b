"""How well something was heard: the word error rate."""

import re

_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "zero ten twenty thirty forty fifty sixty seventy eighty ninety")


def word_error_rate(said: str, heard: str) -> float:
    """Return the share of the said words that were misheard.

    Words left out, put in and taken for others, over the number of words said; 0.0 is perfect, and
    over 1.0 is possible. Case and punctuation don't count, and numbers below a million may be
    written in figures.
    """
    expected, actual = spoken_words(said), spoken_words(heard)
    if not expected:
        return float(len(actual))
    return _edits(expected, actual) / len(expected)


def spoken_words(text: str) -> list[str]:
    """Return the words of a text as they are spoken, in lower case, without punctuation."""
    plain = re.sub(
        r"(?<=\d),(?=\d{3})", "", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    words = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", plain)
    return [spoken for word in words for spoken in _spoken(word)]


def _spoken(word: str) -> list[str]:
    return _number(int(word)) if word.isdecimal() and int(word) < 1_000_000 else [word]


def _number(value: int) -> list[str]:
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            count, rest = divmod(value, size)
            return [*_number(count), name, *(_number(rest) if rest else [])]
    if value < 20:
        return [_ONES[value]]
    tens, ones = divmod(value, 10)
    return [_TENS[tens], *([_ONES[ones]] if ones else [])]


def _edits(expected: list[str], actual: list[str]) -> int:
    """Return Levenshtein's distance: the fewest words to leave out, put in or replace."""
    row = list(range(len(actual) + 1))
    for deleted, said in enumerate(expected, start=1):
        diagonal, row[0] = row[0], deleted
        for column, heard in enumerate(actual, start=1):
            replaced = diagonal + (said != heard)
            diagonal = row[column]
            row[column] = min(replaced, row[column] + 1, row[column - 1] + 1)
    return row[-1]
