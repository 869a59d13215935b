"""Size of the transcript's text: the typeface for a number of lines, larger and smaller steps."""

from typing import NamedTuple, Self

from appliance.screen.burn_in import MARGIN
from appliance.screen.render.fonts import Typeface, typeface
from appliance.screen.render.status_bar import STATUS_HEIGHT
from appliance.settings.schema import DisplaySettings

SMALLEST = 9
"""Pixels from line to line; with fewer, letters are illegible."""

FEWEST_LINES, MOST_LINES = 2, 6
"""Range of the lines of transcript that can be asked for."""


class TextArea(NamedTuple):
    """Area of the transcript on a panel of `width` by `height` pixels.

    `font` is the path of a TrueType font to prefer; empty for the default ones.
    """

    width: int
    height: int
    font: str = ""

    @classmethod
    def of(cls, settings: DisplaySettings) -> Self:
        """Return the area on the panel of the settings; a quarter turn swaps its sides."""
        sides = settings.width, settings.height
        return cls(*(sides[::-1] if settings.rotate % 2 else sides), settings.font)

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height without the margin for the moves of the picture."""
        return self.width - MARGIN[0], self.height - MARGIN[1]

    @property
    def body(self) -> int:
        """Height below the status bar."""
        return self.canvas[1] - STATUS_HEIGHT

    def line_height(self, lines: int) -> int:
        """Return the height of one of so many lines."""
        return self.body // min(lines, self.body // SMALLEST)

    def typeface(self, lines: int) -> Typeface:
        """Return the largest typeface for so many lines."""
        return typeface(self.line_height(lines), self.font, self.canvas[0])

    def apparent_size(self, lines: int) -> tuple[int, int]:
        """Return how large so many lines look: the height of their letters, and their distance."""
        type_ = self.typeface(lines)
        return type_.height, spread(type_, type_.pitch, self.body)[1]


def fewer_lines(settings: DisplaySettings, lines: int) -> int | None:
    """Return the next smaller number of lines with larger text; None if there is none.

    Most of the type that it measures is cached by the renderer for `lines`: new type takes
    milliseconds.
    """
    area = TextArea.of(settings)
    now = area.apparent_size(lines)
    for fewer in range(lines, FEWEST_LINES - 1, -1):
        if area.apparent_size(fewer) > now:
            return fewer
        if area.typeface(fewer).pitch < area.line_height(fewer):
            break  # the width is the limit, so more height is of no use
    return None


def more_lines(settings: DisplaySettings, lines: int) -> int | None:
    """Return the next larger number of lines with smaller text; None if there is none."""
    area = TextArea.of(settings)
    pitch, now = area.typeface(lines).pitch, area.apparent_size(lines)
    smaller = (it for it in range(lines + 1, MOST_LINES + 1) if area.line_height(it) < pitch)
    return next((more for more in smaller if area.apparent_size(more) < now), None)


def spread(type_: Typeface, pitch: int, room: int) -> tuple[int, int]:
    """Return the number of lines that fit into `room` pixels, and their distance."""
    count = max(1, room // closest_pitch(type_, pitch))
    return count, min(pitch, room // count)


def closest_pitch(type_: Typeface, pitch: int) -> int:
    """Return the smallest distance of lines, used where one more then fits."""
    return min(pitch, max(type_.height + 2, pitch - 1))
