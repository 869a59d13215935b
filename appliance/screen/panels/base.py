"""Panel: the interface of everything that shows pictures."""

from typing import Protocol

from PIL import Image

from appliance.core.faults import Fault
from appliance.screen.burn_in import Brightness
from appliance.screen.scene import Scene


class PanelError(Exception):
    """A panel that is missing or stopped answering; `fault` says so in words for a person."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class Panel(Protocol):
    """Something that shows pictures. Used by one thread; every method may raise PanelError.

    A panel that was just opened is awake.
    """

    def show(self, scene: Scene, picture: Image.Image, /) -> None:
        """Show the picture (mode "1"), which was drawn from the scene."""

    def set_brightness(self, brightness: Brightness, /) -> None:
        """Set the brightness; a panel that is asleep shows nothing.

        It may be given a picture while it is asleep, and shows that when it wakes.
        """

    def check(self) -> None:
        """Raise PanelError if the panel is gone; called about once a second between pictures."""

    def clear(self) -> None:
        """Make the panel dark."""

    def close(self) -> None:
        """Release the panel; what it shows stays."""
