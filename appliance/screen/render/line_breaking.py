"""Line breaking: the places in a text where a line may end (UAX #14).

Unicode's algorithm leaves Thai, Lao, Khmer and Burmese to a dictionary of words. Without one, they
break between syllables, as near as their letters tell.
"""

import functools
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, cast

from appliance.core.late_imports import import_lock
from appliance.core.scripts import is_closing, is_syllabic
from appliance.screen.render.letters import BEHIND, letters

log = logging.getLogger(__name__)

_WORD = re.compile(r"\S+")
_UNBREAKABLE_SPACE = re.compile("[\u00a0\u2007\u202f]+")

_CLAUSE = re.compile(r".+?(?:[。！？，、；：](?=\w)|$)", re.DOTALL)  # noqa: RUF001 - Chinese

_KILLERS = frozenset("\u0e4c\u0ecc\u103a\u17cd")
"""Signs of a letter without a vowel, which belongs to the syllable before it."""

_NEEDS_FINAL = frozenset("\u0e31\u0e37\u0e47\u0eb1\u0ebb")
"""Thai and Lao vowels that never end a syllable."""

_BEFORE_ALL = "\u4e00"
"""An ideograph: behind it, a line may break before anything that may begin one."""


class Piece(NamedTuple):
    """Part of a text that stands on one line.

    Attributes:
        start, end: its place in the text.
        spaced: whether a space separates it from the piece before.
        bound: whether it is on the same line as the piece before.
    """

    start: int
    end: int
    spaced: bool
    bound: bool


def pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of a text; most are words.

    >>> [(it.start, it.end, it.bound) for it in pieces("Oh, yes !")]
    [(0, 3, False), (4, 7, False), (8, 9, True)]
    """
    before = 0
    for word in _WORD.finditer(text):
        start = word.start()
        bound = bool(_UNBREAKABLE_SPACE.fullmatch(text, before, start))
        for number, part in enumerate(_parts(word.group())):
            first = number == 0
            can_not_begin = first and start > 0 and not may_begin_line(part)
            yield Piece(start, start + len(part), first, first and (bound or can_not_begin))
            start += len(part)
        before = start


def may_begin_line(text: str) -> bool:
    """Return whether a line may begin with the text."""
    first = text[0]
    if first in BEHIND or unicodedata.category(first)[0] == "M":
        return False
    if is_closing(first):
        # A quotation mark that closes in one language opens in another.
        opens = unicodedata.category(first) == "Pf" and text[1:2].isalnum()
        return opens or not _is_bound(text[:2])
    return not _needs_rules(first) or not _is_bound(text[:2])


@functools.lru_cache(1024)
def _is_bound(start: str) -> bool:
    units = _line_breaker()
    if units is letters:
        return is_closing(start[0])
    return next(iter(units(_BEFORE_ALL + start))) != _BEFORE_ALL


def _parts(word: str) -> tuple[str, ...]:
    """Split a word where a line may break, if its script has no spaces; others stay whole."""
    if word.isascii() or not any(map(_needs_rules, word)):
        return (word,)
    return _parts_of_spaceless(word)


@functools.lru_cache(64)
def _parts_of_spaceless(word: str) -> tuple[str, ...]:
    """Return the parts; cached for few, since such a word may be a whole turn."""
    parts: list[str] = []
    for clause in _CLAUSE.findall(word):
        for part in _parts_of_clause(clause):
            if parts and not may_begin_line(part):
                parts[-1] += part
            else:
                parts.append(part)
    return tuple(parts)


@functools.lru_cache(1024)
def _parts_of_clause(clause: str) -> tuple[str, ...]:
    """Return the parts; cached, as a letter takes 0.06 ms, and only the newest clause changes."""
    return tuple(part for unit in _line_breaker()(clause) for part in _syllables(unit))


def _syllables(unit: str) -> list[str]:
    """Split what stays whole in Unicode's algorithm between syllables of syllabic scripts."""
    found: list[str] = []
    for letter in letters(unit):
        if found and not (_begins_syllable(letter) and _may_end_syllable(found[-1])):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _begins_syllable(letter: str) -> bool:
    lone = _KILLERS.isdisjoint(letter)
    return lone and unicodedata.category(letter[0]) == "Lo" and is_syllabic(letter[0])


def _may_end_syllable(part: str) -> bool:
    *_, last = letters(part)
    plain = is_syllabic(last[-1]) and unicodedata.category(last[-1])[0] in "LM"
    return plain and _NEEDS_FINAL.isdisjoint(last)


def _needs_rules(character: str) -> bool:
    """Return whether words with the character are split; to load the rules takes 50 ms."""
    return character > "\u0dff" and (
        is_syllabic(character) or unicodedata.east_asian_width(character) in {"W", "F"}
    )


@functools.cache
def _line_breaker() -> Callable[[str], Iterable[str]]:
    """Return what splits text by Unicode's line breaking algorithm.

    It is loaded for the first text that needs it: most boxes never show one.
    """
    with import_lock:
        try:
            from uniseg.linebreak import line_break_units  # noqa: PLC0415 - see above
        except ImportError as error:
            log.warning("lines may break between any two ideographs: %s", error)
            return letters
    return cast("Callable[[str], Iterable[str]]", line_break_units)
