"""How the panel looks once somebody has asked for larger letters or more light."""

import bisect

from appliance.config import DisplaySettings
from appliance.events import Wish
from appliance.screen.scene import Look
from appliance.screen.view import possible_lines

CONTRASTS = (1, 16, 64, 128, 255)
"""Steps of about the same size to the eye."""

WHY_NOT = {
    Wish.BIGGER: "letters are at their largest",
    Wish.SMALLER: "letters are at their smallest",
    Wish.BRIGHTER: "it is at its brightest",
    Wish.DARKER: "it is at its darkest",
}
"""What is said where the look goes no further."""

CHANGES_OF_LOOK = WHY_NOT.keys()


def look_after(look: Look, wish: Wish, settings: DisplaySettings) -> Look | None:
    """Return the look after a wish is fulfilled; None where it goes no further."""
    possible = possible_lines(settings)
    lines = min(settings.lines if look.lines is None else look.lines, possible[-1])
    contrast = settings.contrast if look.contrast is None else look.contrast
    match wish:
        case Wish.BIGGER if lines - 1 in possible:
            return Look(lines - 1, look.contrast)
        case Wish.SMALLER if lines + 1 in possible:
            return Look(lines + 1, look.contrast)
        case Wish.BRIGHTER if contrast < CONTRASTS[-1]:
            return Look(look.lines, CONTRASTS[bisect.bisect_right(CONTRASTS, contrast)])
        case Wish.DARKER if contrast > CONTRASTS[0]:
            return Look(look.lines, CONTRASTS[bisect.bisect_left(CONTRASTS, contrast) - 1])
    return None
