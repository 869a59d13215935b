"""Status bar: state as icon and word, lag, level, time, network."""

from collections.abc import Iterable

from PIL import Image

from appliance.screen import texts
from appliance.screen.render import icons
from appliance.screen.render.fonts import Typeface
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene

STATUS_HEIGHT = 9
"""Height in pixels; descenders of small type reach one pixel further."""

GAP = 4
LEVEL_BARS = 6
LEVEL_WIDTH = 2 * LEVEL_BARS
LEVEL_HEIGHT = 6


def draw_status_bar(picture: Image.Image, scene: Scene, type_: Typeface, smaller: Typeface) -> None:
    """Draw the status bar along the top of the picture.

    Without room for the state's word in `type_`, it is set in the smaller one, or only its icon is
    shown. Without room for everything, the time gives way to the fallback and the lag.
    """
    state, waiting = texts.state(scene), _waiting(scene)
    bar = _Bar(picture, type_)
    bar.put_icon(_icon(scene))
    bar.put_network(scene)
    matters_more = type_.width(state), type_.width(waiting), LEVEL_WIDTH
    bar.put_last(_time(scene), beside=matters_more if scene.on_fallback and waiting else ())
    if scene.mode in MICROPHONE_OPEN:
        bar.put_level(scene.level)
    bar.put_last(waiting)
    bar.put_first(state, type_, smaller)


class _Bar:
    """Bar that is filled from both ends."""

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
        """Draw the text at the start, in the first typeface for which there is room."""
        for type_ in types:
            if self._left + type_.width(text) <= self._right:
                type_.draw(self._picture, self._left, self._baseline, text)
                return

    def put_last(self, text: str, beside: Iterable[int] = ()) -> None:
        """Draw the text at the end, if that leaves room for things of the widths `beside` it."""
        start = self._right - self._type.width(text)
        if text and start - sum(width + GAP for width in beside) >= self._left:
            self._type.draw(self._picture, start, self._baseline, text)
            self._right = start - GAP

    def put_network(self, scene: Scene) -> None:
        """Draw the icon of the network at the end; none while the first connection is made."""
        if scene.mode is Mode.CONNECTING and not (scene.network or scene.fault):
            return
        connected = icons.FALLBACK if scene.on_fallback else icons.CONNECTED
        icon = connected if scene.network else icons.UNCONNECTED
        self._right -= icons.SIZE
        self._picture.paste(icon, (self._right, self._baseline - icons.SIZE))
        self._right -= GAP

    def put_level(self, level: float) -> None:
        """Draw the level as bars at the end; a dead microphone is a row of dots."""
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
    """Return the lag of the captions, if nothing below shows it."""
    shown_below = scene.fault or scene.mode is Mode.RECONNECTING
    if scene.mode in texts.IN_SESSION and not shown_below and scene.waiting > texts.LAG_SHOWN_FROM:
        return f"+{texts.duration(scene.waiting)}"
    return ""
