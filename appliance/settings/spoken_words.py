"""Normalisation of text to spoken words: without case and punctuation, figures spelt out."""

import functools
import re
import unicodedata

_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SIGNS = {"%": "percent", "°": "degrees"}


@functools.cache  # built at its first use: the settings are loaded before the first picture
def _word() -> re.Pattern[str]:
    """Return the pattern of a word: letters with their marks, a number, or a sign."""
    # Marks are parts of letters, such as the vowels of Hindi and Thai.
    marks = "".join(
        it for it in map(chr, range(0x300, 0x3100)) if unicodedata.category(it)[0] == "M"
    )
    letters = rf"(?:[^\W\d_][{marks}]*)+"
    return re.compile(rf"\d+(?:\.\d+)?|[{''.join(_SIGNS)}]|{letters}(?:'{letters})*")


def spoken_words(text: str) -> list[str]:
    """Return the words of a text as they are spoken, in lower case.

    Numbers below a million, percents and degrees are spelt in English, whatever the language.

    >>> spoken_words("Turn the lamp to 21%!")
    ['turn', 'the', 'lamp', 'to', 'twenty', 'one', 'percent']
    """
    caseless = unicodedata.normalize("NFC", text).casefold()
    plain = caseless.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    return [spoken for word in _word().findall(plain) for spoken in _spoken(word)]


def _spoken(word: str) -> list[str]:
    whole, _, decimals = word.partition(".")
    if not whole.isdecimal() or len(whole) > 6:
        return [_SIGNS.get(word, word)]
    places = [_ONES[int(place)] for place in decimals]
    return [*_number(int(whole)), *(["point", *places] if places else [])]


def _number(value: int) -> list[str]:
    # num2words could spell them, too, but it loads over fifty languages and inserts "and".
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            count, rest = divmod(value, size)
            return [*_number(count), name, *(_number(rest) if rest else [])]
    if value < 20:
        return [_ONES[value]]
    tens, ones = divmod(value, 10)
    return [_TENS[tens], *([_ONES[ones]] if ones else [])]
