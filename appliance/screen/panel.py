"""What shows pictures: the panel as the display sees it, and how the one in the settings opens."""

from typing import Any, Protocol

from PIL import Image

from appliance.config import DisplaySettings
from appliance.events import Fault
from appliance.screen.scene import Scene


class PanelError(Exception):
    """A panel is not there or stopped answering; `fault` says so in words for a person."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class Panel(Protocol):
    """Something that shows pictures. Used by one thread; every method may raise PanelError."""

    def show(self, scene: Scene, picture: Image.Image, /) -> None:
        """Show the picture (mode "1"), which was drawn from the scene."""

    def check(self) -> None:
        """Raise PanelError if the panel is gone; called about once a second while all is still."""

    def clear(self) -> None:
        """Leave nothing to be seen."""

    def close(self) -> None:
        """Let go of the panel; what it shows stays."""


def open_panel(settings: DisplaySettings, *, bus: Any = None) -> Panel | None:  # noqa: ANN401 - smbus2 ships no types
    """Open the panel of the settings; none for the driver "none".

    Args:
        settings: the driver, how it is connected, its size.
        bus: an open I2C bus like smbus2.SMBus to use instead of /dev/i2c-N.

    Raises:
        PanelError: the panel does not answer, or the settings name one that does not exist.
    """
    if settings.driver == "none":
        return None
    from appliance.screen.oled import Oled  # noqa: PLC0415 - luma takes a second to load on a Zero

    return Oled(settings, bus=bus)
