"""Registry of panels: the one that shows pictures for each driver in the settings."""

import importlib
from collections.abc import Callable
from typing import Any

from appliance.core.late_imports import import_lock
from appliance.screen.panels.base import Panel
from appliance.settings.schema import OLEDS, DisplaySettings

PANELS = {
    **dict.fromkeys(OLEDS, "appliance.screen.panels.oled:Oled"),
    "terminal": "appliance.screen.panels.terminal:open_terminal",
}
"""What opens the panel of each driver; called with the settings and the I2C bus, if one is given.

Modules are loaded when their panel is opened: luma takes a second on a Zero. A driver's name is
also listed in `appliance.settings.schema.DRIVERS`.
"""


def open_panel(settings: DisplaySettings, *, bus: Any = None) -> Panel | None:  # noqa: ANN401 - smbus2 ships no types
    """Open the panel of the settings; return None for the driver "none".

    Args:
        settings: the driver, how it is connected, its size.
        bus: an open I2C bus like smbus2.SMBus to use instead of /dev/i2c-N.

    Raises:
        PanelError: the panel does not answer, or the settings do not fit it.
    """
    if settings.driver == "none":
        return None
    module, name = PANELS[settings.driver].split(":")
    with import_lock:
        loaded = importlib.import_module(module)
    opener: Callable[[DisplaySettings, Any], Panel] = getattr(loaded, name)
    return opener(settings, bus)
