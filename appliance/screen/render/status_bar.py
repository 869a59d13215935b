"""The status line: state as icon and word, what waits, the level, the time, the network."""

from collections.abc import Iterable

from PIL import Image

from appliance.screen import texts
from appliance.screen.render import icons
from appliance.screen.render.fonts import Typeface
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene

STATUS_HEIGHT = 9
"""Pixels from the top of the picture to what stands below; small type's descenders reach over."""

GAP = 4
LEVEL_BARS = 6
LEVEL_WIDTH = 2 * LEVEL_BARS
LEVEL_HEIGHT = 6


def draw_status(picture: Image.Image, scene: Scene, type_: Typeface, smaller: Typeface) -> None:
    """Draw the status line along the top.

    Where there is no room for the state's word in this type it is set in a smaller one, or left to
    its icon. To be elsewhere and behind matters more than the time, which then makes way.
    """
    state, waiting = texts.state(scene), _waiting(scene)
    line = _Line(picture, type_)
    line.put_icon(_icon(scene))
    line.put_network(scene)
    matters_more = type_.width(state), type_.width(waiting), LEVEL_WIDTH
    line.put_last(_time(scene), beside=matters_more if scene.on_fallback and waiting else ())
    if scene.mode in MICROPHONE_OPEN:
        line.put_level(scene.level)
    line.put_last(waiting)
    line.put_first(state, type_, smaller)


class _Line:
    """A line that is filled from both ends; `left` and `right` are where the next may stand."""

    def __init__(self, picture: Image.Image, type_: Typeface) -> None:
        self._picture = picture
        self._type = type_
        self._baseline = max(icons.SIZE, min(type_.ascent, STATUS_HEIGHT - 1))
        self._left, self._right = 0, picture.width

    def put_icon(self, icon: Image.Image) -> None:
        """Draw the icon at the start."""
        self._picture.paste(icon, (self._left, self._baseline - icons.SIZE))
        self._left += icons.SIZE + GAP

    def put_first(self, text: str, *types: Typeface) -> None:
        """Draw the text at the start, in the first type for which there is room."""
        for type_ in types:
            if self._left + type_.width(text) <= self._right:
                type_.draw(self._picture, self._left, self._baseline, text)
                return

    def put_last(self, text: str, beside: Iterable[int] = ()) -> None:
        """Draw the text at the end, if there is room for it and for what is so wide beside it."""
        start = self._right - self._type.width(text)
        if text and start - sum(width + GAP for width in beside) >= self._left:
            self._type.draw(self._picture, start, self._baseline, text)
            self._right = start - GAP

    def put_network(self, scene: Scene) -> None:
        """Draw the mark for the network at the end.

        While the first connection is made there is none: the state says all there is to say.
        """
        if scene.mode is Mode.CONNECTING and not (scene.network or scene.fault):
            return
        connected = icons.FALLBACK if scene.on_fallback else icons.CONNECTED
        mark = connected if scene.network else icons.UNCONNECTED
        self._right -= icons.SIZE
        self._picture.paste(mark, (self._right, self._baseline - icons.SIZE))
        self._right -= GAP

    def put_level(self, level: float) -> None:
        """Draw the level as bars at the end: a dead microphone is a row of dots."""
        self._right -= LEVEL_WIDTH
        loud = round(level * LEVEL_BARS)
        for bar in range(LEVEL_BARS):
            top = self._baseline - (LEVEL_HEIGHT if bar < loud else 1)
            x = self._right + 2 * bar
            self._picture.paste(1, (x, top, x + 1, self._baseline))
        self._right -= GAP


def _icon(scene: Scene) -> Image.Image:
    troubled = scene.fault and scene.mode not in texts.IN_SESSION
    return icons.WARNING if troubled else icons.OF_MODE[scene.mode]


def _time(scene: Scene) -> str:
    if scene.mode in texts.IN_SESSION:
        return texts.stopwatch(scene.elapsed)
    return scene.clock


def _waiting(scene: Scene) -> str:
    """Return how far captions lag, where nothing below says so."""
    told_below = scene.fault or scene.mode is Mode.RECONNECTING
    if scene.mode in texts.IN_SESSION and not told_below and scene.waiting > texts.LAGGING:
        return f"+{texts.duration(scene.waiting)}"
    return ""
