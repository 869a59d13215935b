"""Text layout: words of turns and messages, broken into lines."""

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from appliance.core.scripts import joined
from appliance.screen.render.bidi import is_right_to_left
from appliance.screen.render.fonts import Typeface
from appliance.screen.render.letters import letters
from appliance.screen.render.line import (
    Line,
    LineWord,
    gaps,
    ink_width,
    least_width,
    line_width,
    reads_right_to_left,
)
from appliance.screen.render.line_breaking import may_begin_line, pieces
from appliance.screen.render.speaker_marks import mark_of, room_for_marks
from appliance.screen.render.tall_scripts import tall_places
from appliance.screen.scene import ShownTurn

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

_WORD = re.compile(r"\S+")

DIRECTION_SAMPLE = 100
"""Characters at the start of a turn that decide its direction."""


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
    """Yield the turn's words, settled ones first; text without spaces in parts.

    Where they may break is decided for the text as a whole: a tentative comma never begins a line.
    """
    settled, more = (unicodedata.normalize("NFC", it) for it in (turn.text, turn.tentative))
    text = joined(settled, more)
    right_to_left = is_right_to_left(text[:DIRECTION_SAMPLE]) is True
    tall = tall_places(text)
    called = {place for start, end in turn.alerts for place in range(start, end)}
    for piece in pieces(text):
        border = _border(text, piece.start, piece.end, len(text) - len(more))
        parts = ((piece.start, border, False), (border, piece.end, True))
        for number, (start, end, tentative) in enumerate(it for it in parts if it[0] < it[1]):
            yield LineWord(
                text[start:end],
                tentative,
                piece.spaced and number == 0,
                right_to_left,
                piece.bound or number > 0,
                not tall.isdisjoint(range(start, end)),
                not called.isdisjoint(range(piece.start, piece.end)),
            )


def _border(text: str, start: int, end: int, border: int) -> int:
    """Return where the tentative part of a piece begins, between two letters."""
    if not start < border < end:
        return max(start, min(border, end))
    ends = itertools.accumulate(map(len, letters(text[start:end])), initial=start)
    return max(place for place in ends if place <= border)


def break_lines(words: Iterable[LineWord], type_: Typeface, width: int) -> Iterator[Line]:
    """Break words into lines of at most `width` pixels; only wider words are cut.

    Lines break where they would without capitals and punctuation. So a turn keeps its lines when it
    is finished and formatted, and text that has been read does not jump.
    """
    return _broken(words, type_, width, _fits)


def _broken(
    words: Iterable[LineWord],
    type_: Typeface,
    width: int,
    fits: Callable[[Line, Typeface, int], bool],
    room: int = 0,
) -> Iterator[Line]:
    """Yield the lines; the first one leaves some `room`."""
    line: Line = ()
    left = width - room
    for unit in _units(words):
        if line and fits((*line, *unit), type_, left):
            line = (*line, *unit)
            continue
        if line:
            yield line
            left = width
        *full, line = _cut(unit, type_, left)
        yield from full
        left = width if full else left
    if line:
        yield line


def _units(words: Iterable[LineWord]) -> Iterator[Line]:
    """Yield words with those that are bound to them."""
    unit: Line = ()
    for word in words:
        if unit and not word.bound:
            yield unit
            unit = ()
        unit = (*unit, word)
    if unit:
        yield unit


def _cut(unit: Line, type_: Typeface, width: int) -> list[Line]:
    """Return the lines of a unit; one that is wider than the line, or too long, is cut."""
    longest = max(len(word.text) for word in unit)
    if longest <= WORD_LIMIT and least_width(unit, type_) <= width:
        return [unit]
    lines: list[Line] = [()]
    for atom in _atoms(unit, type_, width):
        longer = _merged((*lines[-1], *atom))
        if lines[-1] and least_width(longer, type_) > width:
            lines.append(atom)
        else:
            lines[-1] = longer
    return lines


def _atoms(unit: Line, type_: Typeface, width: int) -> Iterator[Line]:
    """Yield the letters of a unit, with the punctuation that may not begin a line behind them."""
    atom: Line = ()
    for word in unit:
        for number, letter in enumerate(letters(word.text)):
            piece = word._replace(text=letter, spaced=word.spaced and number == 0)
            longer = (*atom, piece)
            if atom and (may_begin_line(letter) or least_width(longer, type_) > width):
                yield atom
                longer = (piece,)
            atom = longer
    yield atom


def _merged(line: Line) -> Line:
    """Return the line with the letters of each word as one again."""
    merged: list[LineWord] = []
    for word in line:
        same = merged and _style(word) == _style(merged[-1])
        if same and not word.spaced:
            merged[-1] = merged[-1]._replace(text=merged[-1].text + word.text)
        else:
            merged.append(word)
    return tuple(merged)


def _style(word: LineWord) -> tuple[bool, bool, bool]:
    return word.tentative, word.tall, word.inverse


def _fits(line: Line, type_: Typeface, width: int) -> bool:
    if least_width(line, type_) > width:
        return False
    spaces = gaps(line) * type_.space
    plain = (word._replace(text=unformatted(word.text)) for word in line)
    return ink_width(plain, type_) + spaces + type_.width(FORMATTING_ROOM) <= width


def _least_fits(line: Line, type_: Typeface, width: int) -> bool:
    return least_width(line, type_) <= width


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
    words = list(words_of(paragraph))
    room = room_for_marks(paragraph, type_, width)
    longest = least_width(next(_units(words), ()), type_)
    beside = longest + room <= width or longest > width
    lines = tuple(_broken(words, type_, width, _fits, room if beside else 0))
    if not (paragraph.marks and lines):
        return lines
    mark = mark_of(paragraph.marks, type_, width)
    mark = mark._replace(right_to_left=reads_right_to_left(lines[0]))
    return ((mark, *lines[0]), *lines[1:]) if beside else ((mark,), *lines)


def _paragraphs(turn: ShownTurn) -> Iterator[ShownTurn]:
    """Yield the turn in paragraphs, the last one first.

    So the lines of someone who talks without a pause need not be laid out from the first word on.
    """
    text = joined(turn.text, turn.tentative)
    border = len(text) - len(turn.tentative)
    latest = max(0, border // SECTION_CHARACTERS - 2) * SECTION_CHARACTERS
    # Counted in words from the start, which formatting changes least.
    to_next = -text.count(" ", 0, latest) % PARAGRAPH_WORDS
    words = list(itertools.islice(_WORD.finditer(text, latest), to_next, None))
    for first in reversed(range(0, max(1, len(words)), PARAGRAPH_WORDS)):
        paragraph = words[first : first + PARAGRAPH_WORDS]
        start, end = (paragraph[0].start(), paragraph[-1].end()) if paragraph else (0, 0)
        marks = (turn.marks, turn.other_marks) if start == 0 else ((), ())
        called = tuple((a - start, b - start) for a, b in turn.alerts if start < b and a < end)
        settled, more = text[start : min(end, border)], text[max(start, border) : end]
        yield ShownTurn(settled, more, *marks, called)


@functools.lru_cache(256)
def message_lines(text: str, type_: Typeface, width: int) -> Sequence[Line]:
    """Return the lines of a fixed text, all about equally long.

    So no number is parted from its unit, and the last line is no single word.
    """
    words = [word._replace(tall=False) for word in words_of(ShownTurn(text))]
    lines = list(_broken(words, type_, width, _least_fits))
    longest = max((line_width(line, type_, width) for line in lines), default=0)
    widest = max((least_width(unit, type_) for unit in _units(words)), default=0)
    for narrower in range(max(widest, longest // 2), longest, BALANCE_STEP):
        balanced = list(_broken(words, type_, narrower, _least_fits))
        if len(balanced) == len(lines):
            return balanced
    return lines


def is_cut(text: str, type_: Typeface, width: int) -> bool:
    """Return whether a word of the text is wider than the line."""
    return any(type_.width(word[:WORD_LIMIT]) > width for word in text.split())
