"""How the panel is spared for years: when it rests, and how its picture wanders."""

import enum
from collections.abc import Hashable

from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings

STEP = 60.0
"""Seconds for which the picture stands still."""

ROUND = ((0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1))
"""Where the picture stands, one after the other: each place is one pixel from the one before."""

MARGIN = (max(dx for dx, _ in ROUND), max(dy for _, dy in ROUND))
"""Pixels, across and down, that are kept free for the picture to wander."""


class Brightness(enum.Enum):
    """How brightly a panel shines."""

    AWAKE = "awake"
    DIMMED = "dimmed"
    ASLEEP = "asleep"


def rest(idle: float, settings: DisplaySettings) -> Brightness:
    """Return how a panel shines on which nothing has happened for `idle` seconds.

    `dim_after` and `sleep_after` are seconds; 0 stands for never.
    """
    if settings.sleep_after and idle >= settings.sleep_after:
        return Brightness.ASLEEP
    if settings.dim_after and idle >= settings.dim_after:
        return Brightness.DIMMED
    return Brightness.AWAKE


def drift(seconds: float) -> tuple[int, int]:
    """Return by how many pixels, across and down, the picture is moved after so many seconds."""
    return ROUND[int(seconds / STEP) % len(ROUND)]


class IdleTimer:
    """Looks on while nothing happens; times are seconds of the monotonic clock.

    Only a box that is ready rests. Its clock, or audio that is sent in the background, is nothing
    that someone need look up for.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        self._settings = settings
        self._seen: Hashable = None
        self._since = 0.0

    def brightness(self, scene: Scene, now: float) -> Brightness:
        """Return how the panel is to shine while it shows the scene."""
        seen = _at_a_glance(scene)
        if seen != self._seen:
            self._seen, self._since = seen, now
        resting = scene.mode is Mode.READY and not scene.power_off_in
        return rest(now - self._since, self._settings) if resting else Brightness.AWAKE


def _at_a_glance(scene: Scene) -> Hashable:
    fault = scene.fault and (scene.fault.what, scene.fault.remedy)
    return scene.mode, scene.hint, fault, bool(scene.power_off_in)
