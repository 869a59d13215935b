"""Shutdown screen: the last picture, drawn when every disk is unmounted."""

import logging
from typing import Any

from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings

log = logging.getLogger(__name__)


def show_shutdown_screen(settings: DisplaySettings, *, bus: Any = None) -> None:  # noqa: ANN401 - smbus2 ships no types
    """Show "Safe to unplug" and leave it on the panel; log a panel that is missing.

    Nothing is written to any disk.

    Args:
        settings: the panel; nothing is done unless it is an OLED.
        bus: an open I2C bus like smbus2.SMBus to use instead of /dev/i2c-N.
    """
    if settings.driver == "terminal":
        return
    last = Scene(Mode.OFF)
    try:
        if panel := open_panel(settings, bus=bus):
            panel.show(last, Renderer.for_settings(settings).draw(last))
            panel.set_brightness(Brightness.DIMMED)  # it may stay for months
            panel.close()
    except PanelError as error:
        log.warning("%s", error.fault)
