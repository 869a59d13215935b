"""Line of text: its words, what they measure, and how they are drawn."""

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from PIL import Image

from appliance.screen.render.bidi import pieces_of, visual_order
from appliance.screen.render.fonts import Typeface


class LineWord(NamedTuple):
    """Word of a line, or a part of one that is cut.

    Attributes:
        text: what is drawn.
        tentative: whether it may still change.
        spaced: whether a space separates it from the word before.
        right_to_left: whether its paragraph is read from right to left.
        bound: whether no line begins with it.
        tall: whether it is set in the typeface for letters that need many pixels.
        inverse: whether it is dark on a light box.
        mark: whether it stands before the text of a turn, whatever the direction of that text.
    """

    text: str
    tentative: bool = False
    spaced: bool = True
    right_to_left: bool = False
    bound: bool = False
    tall: bool = False
    inverse: bool = False
    mark: bool = False


MARK_PADDING = 2
"""Pixels of an inverse mark's box on both sides; other words have the spaces beside them."""

Line = tuple[LineWord, ...]


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
        end = x + ink_width([word], type_)
        if word.inverse:
            _draw_box(picture, word, type_, (x, end), baseline, ink)
        x += _padding(word)
        _of_word(type_, word).draw(picture, x, baseline, word.text, ink ^ word.inverse)
        if word.tentative:
            in_box = word.inverse and type_.underline < _box(word, type_)[1]
            _underline(picture, x, end, baseline + type_.underline, ink ^ in_box)
        x = end


def _draw_box(
    picture: Image.Image,
    word: LineWord,
    type_: Typeface,
    across: tuple[int, int],
    baseline: int,
    ink: int,
) -> None:
    above, below = _box(word, type_)
    start, end = across if word.mark else (across[0] - word.spaced, across[1] + 1)
    picture.paste(ink, (max(0, start), max(0, baseline - above), end, baseline + below))


@functools.lru_cache(256)
def _in_visual_order(line: Line) -> Line:
    """Return the line's words from left to right, with the spaces between them."""
    if line and line[0].mark:
        text = _in_visual_order(line[1:])
        if not reads_right_to_left(line):
            return (line[0], *text)
        return (*text, line[0]._replace(spaced=True))
    backwards = reads_right_to_left(line)
    pieces = list(pieces_of([word.text for word in line], right_to_left=backwards))
    order = visual_order((it.right_to_left for it in pieces), right_to_left=backwards)
    begins = [at == 0 or it.word != pieces[at - 1].word for at, it in enumerate(pieces)]
    line = tuple(
        line[it.word]._replace(text=it.text, spaced=line[it.word].spaced and begin)
        for it, begin in zip(pieces, begins, strict=True)
    )
    return tuple(
        line[number]._replace(spaced=line[_later(order, place)].spaced)
        for place, number in enumerate(order)
    )


def _later(order: Sequence[int], place: int) -> int:
    """Return which word of the line has the space before the word that is drawn at a place."""
    before, now = order[max(0, place - 1)], order[place]
    if abs(now - before) <= 1:
        return max(now, before)
    # Between two directions, the space is at the beginning of what was spoken later.
    run = order[:place][::-1] if before > now else order[place:]
    pairs = enumerate(itertools.pairwise(run), start=1)
    end = next((at for at, (one, other) in pairs if abs(one - other) != 1), len(run))
    return min(run[:end])


def reads_right_to_left(line: Line) -> bool:
    """Return whether the line's paragraph is read from right to left."""
    return bool(line) and line[0].right_to_left


def line_width(line: Line, type_: Typeface, width: int) -> int:
    """Return the width of the line when it is drawn into `width` pixels."""
    return _drawn_width(line, type_) + gaps(line) * _space(line, type_, width)


def line_start(line: Line, type_: Typeface, width: int) -> int:
    """Return where the line starts on the side from which it is read, in pixels from the left."""
    return width - line_width(line, type_, width) if reads_right_to_left(line) else 0


def line_extent(line: Line, type_: Typeface) -> tuple[int, int]:
    """Return the pixels of the line above and below its baseline, with its dots."""
    extents = [_extent(word, type_) for word in line]
    above, below = (max(it, default=0) for it in zip((0, 0), *extents, strict=True))
    return above, max(below, type_.descent, type_.underline + 1)


def _extent(word: LineWord, type_: Typeface) -> tuple[int, int]:
    """Return the pixels of the word above and below its baseline, those of a mark with its box.

    The box of other words takes no room: no line may go because a word stands in one.
    """
    return _box(word, type_) if word.mark else _glyphs(word, type_)


def _box(word: LineWord, type_: Typeface) -> tuple[int, int]:
    """Return the pixels of the word's box, if it has one, above and below its baseline."""
    above, below = _glyphs(word, type_)
    return above + word.inverse, below + word.inverse


def _glyphs(word: LineWord, type_: Typeface) -> tuple[int, int]:
    return _of_word(type_, word).extent(word.text, whole_cell=word.tall)


def gaps(line: Line) -> int:
    """Return the number of spaces in the line."""
    return sum(word.spaced for word in line[1:])


def _space(line: Line, type_: Typeface, width: int) -> int:
    left = width - _drawn_width(line, type_)
    return max(type_.narrow_space, min(type_.space, left // max(1, gaps(line))))


def _drawn_width(line: Line, type_: Typeface) -> int:
    """Return the width of the line's pieces as they are drawn, without spaces.

    The parts of a word in two directions are not as wide together as the word set in one.
    """
    return ink_width(_in_visual_order(line), type_)


def _underline(picture: Image.Image, start: int, end: int, y: int, ink: int) -> None:
    lowest = min(y, picture.height - 1)
    for x in range(start + start % 2, min(end, picture.width), 2):
        picture.putpixel((x, lowest), ink)


def least_width(line: Line, type_: Typeface) -> int:
    """Return the width of the line with the narrowest spaces, in pixels."""
    return ink_width(line, type_) + gaps(line) * type_.narrow_space


def ink_width(words: Iterable[LineWord], type_: Typeface) -> int:
    """Return the width of the words without the spaces between them."""
    return sum(_of_word(type_, word).width(word.text) + 2 * _padding(word) for word in words)


def _padding(word: LineWord) -> int:
    return MARK_PADDING if word.mark and word.inverse else 0


def _of_word(type_: Typeface, word: LineWord) -> Typeface:
    return type_.tall if word.tall else type_
