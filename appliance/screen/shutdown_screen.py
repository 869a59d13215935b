"""The last picture: written when nothing else runs any more and every disk is at rest."""

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
    """Leave "Safe to unplug" standing on the panel; one that is missing is told in the log alone.

    Nothing is written to any disk.

    Args:
        settings: the panel; where it is no OLED, nothing is done.
        bus: an open I2C bus like smbus2.SMBus to use instead of /dev/i2c-N.
    """
    if settings.driver == "terminal":
        return
    last = Scene(Mode.OFF)
    try:
        if panel := open_panel(settings, bus=bus):
            panel.show(last, Renderer.for_settings(settings).draw(last))
            panel.set_brightness(Brightness.DIMMED)  # it may stand there for months
            panel.close()
    except PanelError as error:
        log.warning("%s", error.fault)
