"""Words into lines: where they break, which lines are seen, and how they are drawn."""

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from PIL import Image

from appliance.screen.render.bidi import places, runs_leftward
from appliance.screen.render.fonts import Typeface, letters
from appliance.screen.scene import ShownTurn

FORMATTING = ",.i"
"""What a line that is not formatted yet leaves room for: two marks and a capital or two."""

PARAGRAPH = 100
"""Words of a turn after which a new line starts."""

SECTION = 1000
"""Characters: of a turn, only the last two or three sections are looked at."""

BALANCE = 4
"""Pixels by which the lines of a message are made narrower until they are about equal."""

LONGEST_WORD = 50
"""Characters that a word may have which is not cut."""

OPENING = 100
"""Characters of a paragraph that tell which way it is read."""


class Word(NamedTuple):
    """A word to be set.

    `spaced` says that a space parts it from the word before, `leftward` that its paragraph is read
    from right to left.
    """

    text: str
    tentative: bool = False
    spaced: bool = True
    leftward: bool = False


Line = tuple[Word, ...]


@functools.lru_cache(4096)
def bare(word: str) -> str:
    """Return the word as it is heard, before it is formatted."""
    lower = word.lower()
    return lower.rstrip(".,;:!?\u2026").lstrip("\u00bf\u00a1") or lower


def heard(text: str) -> list[str]:
    """Return the text's words as they are heard: the same before and after formatting."""
    return [bare(word) for word in text.split()]


def words_of(turn: ShownTurn) -> Iterator[Word]:
    """Return the turn's words, settled ones first; ideographs are words of their own."""
    leftward = runs_leftward(f"{turn.text} {turn.tentative}"[:OPENING]) is True
    for text, tentative in ((turn.text, False), (turn.tentative, True)):
        for word in unicodedata.normalize("NFC", text).split():
            for number, part in enumerate(_parts(word)):
                yield Word(part, tentative, number == 0, leftward)


def break_lines(words: Iterable[Word], type_: Typeface, width: int) -> Iterator[Line]:
    """Break words into lines of at most `width` pixels; only wider words are cut.

    Lines break where they would without capitals and punctuation, so that a turn which gets these
    when it is finished keeps its lines, and text that has been read does not jump.
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
    gaps = _gaps(line)
    heard_width = sum(type_.width(bare(word.text)) for word in line) + gaps * type_.space
    return heard_width + type_.width(FORMATTING) <= width and _closest(line, type_) <= width


def _closest(line: Line, type_: Typeface) -> int:
    """Return the pixels that the line takes with the narrowest spaces."""
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
    """Return the paragraph's lines; only the newest one changes from picture to picture."""
    return tuple(break_lines(words_of(paragraph), type_, width))


def _paragraphs(turn: ShownTurn) -> Iterator[ShownTurn]:
    """Return the turn in pieces that start a line each, the last one first.

    So the lines of someone who talks without a pause need not be set from the first word on.
    """
    latest = max(0, len(turn.text) // SECTION - 2) * SECTION
    # Counted in words from the start, which formatting changes least.
    to_next = -turn.text.count(" ", 0, latest) % PARAGRAPH
    settled = turn.text[latest:].split()[to_next:]
    words = settled + turn.tentative.split()
    for start in reversed(range(0, max(1, len(words)), PARAGRAPH)):
        end = start + PARAGRAPH
        tentative = words[max(start, len(settled)) : end]
        yield ShownTurn(" ".join(settled[start:end]), " ".join(tentative))


@functools.lru_cache(256)
def message_lines(text: str, type_: Typeface, width: int) -> Sequence[Line]:
    """Return the lines of a text that stays as it is, all about equally long.

    So no number stands apart from its unit, and no line holds but the last word.
    """
    words = list(words_of(ShownTurn(text)))
    lines = _settled_lines(words, type_, width)
    longest = max((line_width(line, type_, width) for line in lines), default=0)
    widest = max((type_.width(word.text) for word in words), default=0)
    for narrower in range(max(widest, longest // 2), longest, BALANCE):
        balanced = _settled_lines(words, type_, narrower)
        if len(balanced) == len(lines):
            return balanced
    return lines


def _settled_lines(words: Sequence[Word], type_: Typeface, width: int) -> list[Line]:
    """Break words that will not change any more: spaces give way where that saves a line."""
    lines: list[Line] = []
    for word in itertools.chain.from_iterable(_cut(word, type_, width) for word in words):
        longer = (*lines[-1], word) if lines else (word,)
        if lines and _closest(longer, type_) <= width:
            lines[-1] = longer
        else:
            lines.append((word,))
    return lines


def has_ideographs(lines: Iterable[Line]) -> bool:
    """Tell whether a word of the lines needs the 16 pixels that an ideograph is drawn on."""
    return any(_is_ideograph(letter) for line in lines for word in line for letter in word.text)


def is_cut(text: str, type_: Typeface, width: int) -> bool:
    """Tell whether a word of the text is wider than the line."""
    return any(type_.width(word[:LONGEST_WORD]) > width for word in text.split())


def draw_line(
    picture: Image.Image,
    line: Line,
    type_: Typeface,
    x: int,
    baseline: int,
    width: int,
    ink: int = 1,
) -> None:
    """Draw a line from (x, baseline); tentative words stand on dots.

    Spaces give way where capitals and punctuation make the line wider than `width` pixels.
    """
    space = _space(line, type_, width)
    for number, word in enumerate(_as_they_stand(line)):
        if number and word.spaced:
            x += space
        type_.draw(picture, x, baseline, word.text, ink)
        end = x + type_.width(word.text)
        if word.tentative:
            _underline(picture, x, end, baseline + 2)
        x = end


@functools.lru_cache(256)
def _as_they_stand(line: Line) -> Line:
    """Return the line's words from left to right, with the spaces that are between them then."""
    order = places((word.text for word in line), leftward=is_leftward(line))
    neighbours = itertools.pairwise([-1, *order])
    return tuple(
        line[now]._replace(spaced=line[max(now, before)].spaced) for before, now in neighbours
    )


def is_leftward(line: Line) -> bool:
    """Tell whether the line's paragraph is read from right to left."""
    return bool(line) and line[0].leftward


def line_width(line: Line, type_: Typeface, width: int) -> int:
    """Return the pixels that the line takes when it is drawn into `width` pixels."""
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
    """Cut at ideographs, between which a line may break; other words stay whole."""
    parts: list[str] = []
    for ideograph, group in itertools.groupby(letters(word), key=_is_ideograph):
        found = list(group)
        parts += found if ideograph else ["".join(found)]
    return tuple(parts)


def _is_ideograph(letter: str) -> bool:
    return unicodedata.east_asian_width(letter[0]) in {"W", "F"}


def _cut(word: Word, type_: Typeface, width: int) -> Iterator[Word]:
    """Cut a word that is wider than the line, or endless, into pieces that are not."""
    if len(word.text) <= LONGEST_WORD and type_.width(word.text) <= width:
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
