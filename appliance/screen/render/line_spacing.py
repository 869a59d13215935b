"""Line spacing of the transcript: each line keeps clear of the one above it."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageChops

from appliance.screen.render.fonts import TALL_PITCH, Typeface
from appliance.screen.render.line import Line, draw_line, line_extent, line_start


class PlacedLine(NamedTuple):
    """Line, and the row of its baseline."""

    line: Line
    baseline: int


class Column(NamedTuple):
    """Column of text between the rows `top` and `bottom`, `width` pixels wide.

    `pitch` is the usual distance of two lines in pixels.
    """

    type_: Typeface
    pitch: int
    width: int
    top: int
    bottom: int


def place_lines(lines: Sequence[Line], column: Column) -> list[PlacedLine]:
    """Return the newest lines for which there is room, from the top of the column on.

    A line with taller letters than usual takes more room, and leaves the other lines as they are.
    At least one line is placed.
    """
    for first in range(len(lines)):
        placed = _placed(lines[first:], column)
        newest, baseline = placed[-1]
        too_low = baseline + line_extent(newest, column.type_)[1] - column.bottom
        if too_low <= 0:
            return placed
        if len(placed) == 1:
            return [PlacedLine(newest, baseline - too_low)]
    return []


def _placed(lines: Sequence[Line], column: Column) -> list[PlacedLine]:
    placed = [PlacedLine(lines[0], column.top + _first_baseline(lines[0], column.type_))]
    for line in lines[1:]:
        above = placed[-1]
        placed.append(PlacedLine(line, above.baseline + _distance(above.line, line, column[:3])))
    return placed


def _first_baseline(line: Line, type_: Typeface) -> int:
    """Return the distance from the top to the first baseline."""
    usual = type_.pitch - type_.descent - (type_.pitch - type_.height) // 2
    text = tuple(word for word in line if not word.mark)
    above, _ = line_extent(text, type_)
    # A row stays free below what may be above the column.
    return usual if above <= type_.ascent else max(usual, above + 1)


@functools.lru_cache(256)
def _distance(upper: Line, lower: Line, measures: tuple[Typeface, int, int]) -> int:
    """Return the pixels between the baselines of two lines."""
    type_, pitch, width = measures
    needed = line_extent(upper, type_)[1] + line_extent(lower, type_)[0]
    if any(word.tall for word in lower):
        return max(pitch, needed, 0 if type_.tall is type_ else TALL_PITCH)
    # Accents of one line may stand beside the descenders of the other.
    gap = int(pitch > type_.height)
    if needed + gap <= pitch:
        return pitch
    first, second = (_drawn(it, type_, width, needed + gap) for it in (upper, lower))
    for distance in range(pitch, needed + gap):
        moves = (ImageChops.offset(second, 0, distance - up) for up in range(gap + 1))
        if not any(ImageChops.logical_and(first, moved).getbbox() for moved in moves):
            return distance
    return needed + gap


def _drawn(line: Line, type_: Typeface, width: int, height: int) -> Image.Image:
    """Return the picture of a line with its baseline at row `height`, and room below."""
    picture = Image.new("1", (width, 3 * height))
    draw_line(picture, line, type_, line_start(line, type_, width), height, width)
    return picture
