"""Burn-in protection: dimming and sleep while nothing happens, and a picture that moves."""

import enum
from collections.abc import Hashable

from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings

STEP_TIME = 60.0
"""Seconds for which the picture stays in one place."""

PLACES = ((0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1))
"""Places of the picture in turn, as pixels across and down; each is one pixel from the last."""

MARGIN = (max(dx for dx, _ in PLACES), max(dy for _, dy in PLACES))
"""Pixels across and down that the renderer leaves free for the moves."""


class Brightness(enum.Enum):
    """Brightness of a panel; one that is asleep shows nothing."""

    AWAKE = "awake"
    DIMMED = "dimmed"
    ASLEEP = "asleep"


def resting_brightness(idle: float, settings: DisplaySettings) -> Brightness:
    """Return the brightness of a panel after `idle` seconds in which nothing happened.

    `dim_after` and `sleep_after` are seconds; 0 is never.
    """
    if settings.sleep_after and idle >= settings.sleep_after:
        return Brightness.ASLEEP
    if settings.dim_after and idle >= settings.dim_after:
        return Brightness.DIMMED
    return Brightness.AWAKE


def drift(seconds: float) -> tuple[int, int]:
    """Return the place of the picture, in pixels across and down, after so many seconds."""
    return PLACES[int(seconds / STEP_TIME) % len(PLACES)]


class IdleTimer:
    """Timer of how long nothing has happened that a person would look at.

    Only a box that is ready rests. The clock and audio that is sent in the background wake nobody.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        self._settings = settings
        self._seen: Hashable = None
        self._since = 0.0

    def brightness(self, scene: Scene, now: float) -> Brightness:
        """Return the brightness for a scene that is shown at `now`, in monotonic seconds."""
        seen = _noticeable(scene)
        if seen != self._seen:
            self._seen, self._since = seen, now
        resting = scene.mode is Mode.READY and not scene.power_off_in
        return (
            resting_brightness(now - self._since, self._settings) if resting else Brightness.AWAKE
        )


def _noticeable(scene: Scene) -> Hashable:
    fault = scene.fault and (scene.fault.what, scene.fault.remedy)
    return scene.mode, scene.hint, fault, bool(scene.power_off_in)
