"""Marks in front of a turn: which one is drawn, and how much room it takes."""

from appliance.screen.render.fonts import Typeface
from appliance.screen.render.line import LineWord, ink_width
from appliance.screen.scene import DASH, Marks, ShownTurn

SHARE = 3
"""A mark takes up to one part in so many of a line, unless there is no shorter one."""


def mark_of(marks: Marks, type_: Typeface, width: int) -> LineWord:
    """Return the first mark that leaves enough of a line of `width` pixels, else the last."""
    words = [LineWord(text, inverse=text != DASH, mark=True) for text in marks]
    fitting = (word for word in words if ink_width([word], type_) * SHARE <= width)
    return next(fitting, words[-1])


def room_for_marks(turn: ShownTurn, type_: Typeface, width: int) -> int:
    """Return the pixels that a mark of the turn, and the space behind it, may take."""
    candidates = [marks for marks in (turn.marks, *turn.other_marks) if marks]
    widths = [ink_width([mark_of(it, type_, width)], type_) for it in candidates]
    return max(widths) + type_.space if widths else 0
