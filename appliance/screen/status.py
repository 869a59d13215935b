"""The status line: state as icon and word, level of the microphone, what waits, the time."""

from PIL import Image

from appliance.screen import icons, wording
from appliance.screen.fonts import Typeface
from appliance.screen.scene import Mode, Scene

BASELINE = 8
GAP = 4
LEVEL_BARS = 6
LEVEL_HEIGHT = 6

MICROPHONE_OPEN = {Mode.CONNECTING, Mode.LISTENING, Mode.RECONNECTING}


def draw_status(picture: Image.Image, scene: Scene, type_: Typeface) -> None:
    """Draw the status line along the top; where it is too full, the state keeps its icon alone."""
    right = _draw_left_of(picture.width, picture, _time(scene), type_)
    if scene.mode in MICROPHONE_OPEN:
        right = _draw_level(picture, scene.level, right)
    right = _draw_left_of(right, picture, _waiting(scene), type_)
    picture.paste(_icon(scene), (0, BASELINE - icons.SIZE))
    left = icons.SIZE + GAP
    word = wording.STATE[scene.mode]
    if left + type_.width(word) <= right:
        type_.draw(picture, left, BASELINE, word)


def _draw_left_of(right: int, picture: Image.Image, text: str, type_: Typeface) -> int:
    """Draw the text so that it ends at `right`, if it fits; return where the next may end."""
    left = right - type_.width(text)
    if not text or left < icons.SIZE + GAP:
        return right
    type_.draw(picture, left, BASELINE, text)
    return left - GAP


def _draw_level(picture: Image.Image, level: float, right: int) -> int:
    """Draw the level as bars that end at `right`: a dead microphone is a row of dots."""
    left = right - 2 * LEVEL_BARS
    loud = round(level * LEVEL_BARS)
    for bar in range(LEVEL_BARS):
        top = BASELINE - (LEVEL_HEIGHT if bar < loud else 1)
        x = left + 2 * bar
        picture.paste(1, (x, top, x + 1, BASELINE))
    return left - GAP


def _icon(scene: Scene) -> Image.Image:
    troubled = scene.fault and scene.mode not in wording.IN_SESSION
    return icons.WARNING if troubled else icons.OF_MODE[scene.mode]


def _time(scene: Scene) -> str:
    if scene.mode in wording.IN_SESSION:
        return wording.stopwatch(scene.elapsed)
    return scene.clock


def _waiting(scene: Scene) -> str:
    """Return how far captions lag, where nothing below says so."""
    told_below = scene.fault or scene.mode is Mode.RECONNECTING
    if scene.mode in wording.IN_SESSION and not told_below and scene.waiting > wording.LAGGING:
        return f"+{wording.duration(scene.waiting)}"
    return ""
