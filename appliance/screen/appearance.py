"""How the panel looks once somebody has asked for larger letters or more light."""

import bisect

from appliance.core.events import Request
from appliance.screen.render.renderer import fewer_lines, more_lines
from appliance.screen.scene import Appearance
from appliance.settings.schema import OLEDS, DisplaySettings

CONTRASTS = (1, 16, 64, 128, 255)
"""Steps of about the same size to the eye."""

WHY_NOT = {
    Request.BIGGER: "letters are at their largest",
    Request.SMALLER: "letters are at their smallest",
    Request.BRIGHTER: "the screen gets no brighter",
    Request.DARKER: "the screen gets no darker",
}
"""What is said where the look goes no further."""

CHANGES_OF_LOOK = WHY_NOT.keys()


def look_after(look: Appearance, wish: Request, settings: DisplaySettings) -> Appearance | None:
    """Return the look after a wish is fulfilled; None where nothing would be seen of it."""
    lines = settings.lines if look.lines is None else look.lines
    contrast = settings.contrast if look.contrast is None else look.contrast
    match wish:
        case Request.BIGGER if fewer := fewer_lines(settings, lines):
            return Appearance(fewer, look.contrast)
        case Request.SMALLER if more := more_lines(settings, lines):
            return Appearance(more, look.contrast)
        case _ if settings.driver not in OLEDS:
            return None  # nothing else shines more or less brightly
        case Request.BRIGHTER if contrast < CONTRASTS[-1]:
            return Appearance(look.lines, CONTRASTS[bisect.bisect_right(CONTRASTS, contrast)])
        case Request.DARKER if contrast > CONTRASTS[0]:
            return Appearance(look.lines, CONTRASTS[bisect.bisect_left(CONTRASTS, contrast) - 1])
    return None
