"""How the panel looks once somebody has asked for larger letters or more light."""

import bisect

from appliance.config import OLEDS, DisplaySettings
from appliance.events import Wish
from appliance.screen.scene import Look
from appliance.screen.view import fewer_lines, more_lines

CONTRASTS = (1, 16, 64, 128, 255)
"""Steps of about the same size to the eye."""

WHY_NOT = {
    Wish.BIGGER: "letters are at their largest",
    Wish.SMALLER: "letters are at their smallest",
    Wish.BRIGHTER: "the screen gets no brighter",
    Wish.DARKER: "the screen gets no darker",
}
"""What is said where the look goes no further."""

CHANGES_OF_LOOK = WHY_NOT.keys()


def look_after(look: Look, wish: Wish, settings: DisplaySettings) -> Look | None:
    """Return the look after a wish is fulfilled; None where nothing would be seen of it."""
    lines = settings.lines if look.lines is None else look.lines
    contrast = settings.contrast if look.contrast is None else look.contrast
    match wish:
        case Wish.BIGGER if fewer := fewer_lines(settings, lines):
            return Look(fewer, look.contrast)
        case Wish.SMALLER if more := more_lines(settings, lines):
            return Look(more, look.contrast)
        case _ if settings.driver not in OLEDS:
            return None  # nothing else shines more or less brightly
        case Wish.BRIGHTER if contrast < CONTRASTS[-1]:
            return Look(look.lines, CONTRASTS[bisect.bisect_right(CONTRASTS, contrast)])
        case Wish.DARKER if contrast > CONTRASTS[0]:
            return Look(look.lines, CONTRASTS[bisect.bisect_left(CONTRASTS, contrast) - 1])
    return None
