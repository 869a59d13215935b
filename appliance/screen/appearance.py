"""Appearance of the panel after spoken requests: size of the text, contrast."""

import bisect

from appliance.core.command_events import Request
from appliance.screen.render.text_size import fewer_lines, more_lines
from appliance.screen.scene import Appearance
from appliance.settings.schema import OLEDS, DisplaySettings

CONTRASTS = (1, 16, 64, 128, 255)
"""Steps that look about equally large."""

WHY_NOT = {
    Request.BIGGER: "letters are at their largest",
    Request.SMALLER: "letters are at their smallest",
    Request.BRIGHTER: "the screen gets no brighter",
    Request.DARKER: "the screen gets no darker",
}
"""Reasons why a request changes nothing, in words for the screen."""

APPEARANCE_REQUESTS = WHY_NOT.keys()


def appearance_after(
    appearance: Appearance, request: Request, settings: DisplaySettings
) -> Appearance | None:
    """Return the appearance after a request; None where nothing would change.

    >>> appearance_after(Appearance(), Request.SMALLER, DisplaySettings(lines=3))
    Appearance(lines=4, contrast=None)
    """
    lines = settings.lines if appearance.lines is None else appearance.lines
    contrast = settings.contrast if appearance.contrast is None else appearance.contrast
    match request:
        case Request.BIGGER if fewer := fewer_lines(settings, lines):
            return Appearance(fewer, appearance.contrast)
        case Request.SMALLER if more := more_lines(settings, lines):
            return Appearance(more, appearance.contrast)
        case _ if settings.driver not in OLEDS:
            return None  # only OLEDs have a contrast
        case Request.BRIGHTER if contrast < CONTRASTS[-1]:
            return Appearance(appearance.lines, CONTRASTS[bisect.bisect_right(CONTRASTS, contrast)])
        case Request.DARKER if contrast > CONTRASTS[0]:
            return Appearance(
                appearance.lines, CONTRASTS[bisect.bisect_left(CONTRASTS, contrast) - 1]
            )
    return None
