"""Text layout: line breaking, the lines that are shown, drawing of a line."""

import functools
import itertools
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from PIL import Image

from appliance.core.late_imports import import_lock
from appliance.screen.render.bidi import is_right_to_left, visual_order
from appliance.screen.render.fonts import Typeface, letters
from appliance.screen.scene import ShownTurn

log = logging.getLogger(__name__)

FORMATTING_ROOM = ",.i"
"""Text whose width unformatted lines leave free: two punctuation marks and some capitals."""

PARAGRAPH_WORDS = 100
"""Words of a turn after which a new line starts."""

SECTION_CHARACTERS = 1000
"""Length of a section; only the last two or three sections of a turn are laid out."""

BALANCE_STEP = 4
"""Pixels by which the lines of a message get narrower until they are about equal."""

WORD_LIMIT = 50
"""Most characters of a word that is not cut."""

IDEOGRAPHS_OF_A_PHRASE = 3
"""Ideographs from which on a text is larger for them."""

_CLAUSE = re.compile(r".+?(?:[。！？，、；：](?=\w)|$)", re.DOTALL)  # noqa: RUF001 - Chinese

DIRECTION_SAMPLE = 100
"""Characters at the start of a turn that decide its direction."""


class LineWord(NamedTuple):
    """Word of a line, or a part of one that is cut.

    Attributes:
        text: what is drawn.
        tentative: whether it may still change.
        spaced: whether a space separates it from the word before.
        right_to_left: whether its paragraph is read from right to left.
    """

    text: str
    tentative: bool = False
    spaced: bool = True
    right_to_left: bool = False


Line = tuple[LineWord, ...]


@functools.lru_cache(4096)
def unformatted(word: str) -> str:
    """Return the word without capitals and punctuation, as it is before formatting.

    >>> unformatted("Friday,")
    'friday'
    """
    lower = word.lower()
    return lower.rstrip(".,;:!?\u2026").lstrip("\u00bf\u00a1") or lower


def unformatted_words(text: str) -> list[str]:
    """Return the words of a text, the same before and after formatting."""
    return [unformatted(word) for word in text.split()]


def words_of(turn: ShownTurn) -> Iterator[LineWord]:
    """Yield the turn's words, settled ones first; text with ideographs in parts."""
    right_to_left = is_right_to_left(f"{turn.text} {turn.tentative}"[:DIRECTION_SAMPLE]) is True
    for text, tentative in ((turn.text, False), (turn.tentative, True)):
        for word in unicodedata.normalize("NFC", text).split():
            for number, part in enumerate(_parts(word)):
                yield LineWord(part, tentative, number == 0, right_to_left)


def break_lines(words: Iterable[LineWord], type_: Typeface, width: int) -> Iterator[Line]:
    """Break words into lines of at most `width` pixels; only wider words are cut.

    Lines break where they would without capitals and punctuation. So a turn keeps its lines when it
    is finished and formatted, and text that has been read does not jump.
    """
    line: Line = ()
    for word in itertools.chain.from_iterable(_cut(word, type_, width) for word in words):
        if line and not _fits((*line, word), type_, width):
            yield line
            line = ()
        line = (*line, word)
    if line:
        yield line


def _fits(line: Line, type_: Typeface, width: int) -> bool:
    spaces = _gaps(line) * type_.space
    plain_width = sum(type_.width(unformatted(word.text)) for word in line) + spaces
    fits_plain = plain_width + type_.width(FORMATTING_ROOM) <= width
    return fits_plain and _least_width(line, type_) <= width


def _least_width(line: Line, type_: Typeface) -> int:
    """Return the width of the line with the narrowest spaces, in pixels."""
    return sum(type_.width(word.text) for word in line) + _gaps(line) * type_.narrow_space


def latest_lines(turns: Sequence[ShownTurn], type_: Typeface, width: int, count: int) -> list[Line]:
    """Return the last `count` lines of the turns, oldest first; each turn starts a line."""
    lines: list[Line] = []
    for paragraph in itertools.chain.from_iterable(_paragraphs(turn) for turn in reversed(turns)):
        lines = [*_lines_of(paragraph, type_, width), *lines]
        if len(lines) >= count:
            break
    return lines[-count:]


@functools.lru_cache(64)
def _lines_of(paragraph: ShownTurn, type_: Typeface, width: int) -> tuple[Line, ...]:
    """Return the paragraph's lines; cached, as only the newest one changes between pictures."""
    return tuple(break_lines(words_of(paragraph), type_, width))


def _paragraphs(turn: ShownTurn) -> Iterator[ShownTurn]:
    """Yield the turn in paragraphs, the last one first.

    So the lines of someone who talks without a pause need not be laid out from the first word on.
    """
    latest = max(0, len(turn.text) // SECTION_CHARACTERS - 2) * SECTION_CHARACTERS
    # Counted in words from the start, which formatting changes least.
    to_next = -turn.text.count(" ", 0, latest) % PARAGRAPH_WORDS
    settled = turn.text[latest:].split()[to_next:]
    words = settled + turn.tentative.split()
    for start in reversed(range(0, max(1, len(words)), PARAGRAPH_WORDS)):
        end = start + PARAGRAPH_WORDS
        tentative = words[max(start, len(settled)) : end]
        yield ShownTurn(" ".join(settled[start:end]), " ".join(tentative))


@functools.lru_cache(256)
def message_lines(text: str, type_: Typeface, width: int) -> Sequence[Line]:
    """Return the lines of a fixed text, all about equally long.

    So no number is parted from its unit, and the last line is no single word.
    """
    words = list(words_of(ShownTurn(text)))
    lines = _settled_lines(words, type_, width)
    longest = max((line_width(line, type_, width) for line in lines), default=0)
    widest = max((type_.width(word.text) for word in words), default=0)
    for narrower in range(max(widest, longest // 2), longest, BALANCE_STEP):
        balanced = _settled_lines(words, type_, narrower)
        if len(balanced) == len(lines):
            return balanced
    return lines


def _settled_lines(words: Sequence[LineWord], type_: Typeface, width: int) -> list[Line]:
    """Break words that will not change any more; narrow spaces where that saves a line."""
    lines: list[Line] = []
    for word in itertools.chain.from_iterable(_cut(word, type_, width) for word in words):
        longer = (*lines[-1], word) if lines else (word,)
        if lines and _least_width(longer, type_) <= width:
            lines[-1] = longer
        else:
            lines.append((word,))
    return lines


def has_ideographs(lines: Iterable[Line]) -> bool:
    """Return whether the lines have a phrase of ideographs or kana, which need 16 pixels of height.

    One or two of them in other text, and emoji, have the height of that text.
    """
    written = (letter for line in lines for word in line for letter in word.text)
    return sum(_is_wide(it) and it.isalpha() for it in written) >= IDEOGRAPHS_OF_A_PHRASE


def is_cut(text: str, type_: Typeface, width: int) -> bool:
    """Return whether a word of the text is wider than the line."""
    return any(type_.width(word[:WORD_LIMIT]) > width for word in text.split())


def draw_line(
    picture: Image.Image,
    line: Line,
    type_: Typeface,
    x: int,
    baseline: int,
    width: int,
    ink: int = 1,
) -> None:
    """Draw a line from (x, baseline) on; tentative words are underlined with dots.

    Spaces get narrower where capitals and punctuation make the line wider than `width` pixels.
    """
    space = _space(line, type_, width)
    for number, word in enumerate(_in_visual_order(line)):
        if number and word.spaced:
            x += space
        type_.draw(picture, x, baseline, word.text, ink)
        end = x + type_.width(word.text)
        if word.tentative:
            _underline(picture, x, end, baseline + 2)
        x = end


@functools.lru_cache(256)
def _in_visual_order(line: Line) -> Line:
    """Return the line's words from left to right, with the spaces between them."""
    order = visual_order((word.text for word in line), right_to_left=reads_right_to_left(line))
    neighbours = itertools.pairwise([-1, *order])
    return tuple(
        line[now]._replace(spaced=line[max(now, before)].spaced) for before, now in neighbours
    )


def reads_right_to_left(line: Line) -> bool:
    """Return whether the line's paragraph is read from right to left."""
    return bool(line) and line[0].right_to_left


def line_width(line: Line, type_: Typeface, width: int) -> int:
    """Return the width of the line when it is drawn into `width` pixels."""
    letters = sum(type_.width(word.text) for word in line)
    return letters + _gaps(line) * _space(line, type_, width)


def _gaps(line: Line) -> int:
    return sum(word.spaced for word in line[1:])


def _space(line: Line, type_: Typeface, width: int) -> int:
    left = width - sum(type_.width(word.text) for word in line)
    return max(type_.narrow_space, min(type_.space, left // max(1, _gaps(line))))


def _underline(picture: Image.Image, start: int, end: int, y: int) -> None:
    lowest = min(y, picture.height - 1)
    for x in range(start + start % 2, min(end, picture.width), 2):
        picture.putpixel((x, lowest), 1)


@functools.lru_cache(4096)
def _parts(word: str) -> tuple[str, ...]:
    """Split text with ideographs where a line may break; other words stay whole."""
    if not any(map(_is_wide, word)):
        return (word,)
    return tuple(part for clause in _CLAUSE.findall(word) for part in _parts_of_clause(clause))


@functools.lru_cache(1024)
def _parts_of_clause(clause: str) -> tuple[str, ...]:
    """Return the parts; cached, as a letter takes 0.06 ms, and only the newest clause changes."""
    return tuple(_line_breaker()(clause))


@functools.cache
def _line_breaker() -> Callable[[str], Iterable[str]]:
    """Return what splits text by Unicode's line breaking algorithm (UAX #14).

    It is loaded for the first ideograph: most boxes never show one, and it takes 50 ms.
    """
    with import_lock:
        try:
            from uniseg.linebreak import line_break_units  # noqa: PLC0415 - see above
        except ImportError as error:
            log.warning("lines may break between any two ideographs: %s", error)
            return letters
    return cast("Callable[[str], Iterable[str]]", line_break_units)


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter[0]) in {"W", "F"}


def _cut(word: LineWord, type_: Typeface, width: int) -> Iterator[LineWord]:
    """Cut a word that is wider than the line, or too long, into pieces that fit."""
    if len(word.text) <= WORD_LIMIT and type_.width(word.text) <= width:
        yield word
        return
    piece = ""
    spaced = word.spaced
    for letter in letters(word.text):
        if piece and type_.width(piece + letter) > width:
            yield word._replace(text=piece, spaced=spaced)
            piece, spaced = "", False
        piece += letter
    yield word._replace(text=piece, spaced=spaced)
