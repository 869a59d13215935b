"""What shows pictures: the panel as the display sees it."""

from typing import Protocol

from PIL import Image

from appliance.core.events import Fault
from appliance.screen.burn_in import Brightness
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

    def set_brightness(self, brightness: Brightness, /) -> None:
        """Shine like this from now on; a panel that was just opened is awake.

        One that is asleep lets nothing be seen. It may be shown a picture before it is woken.
        """

    def check(self) -> None:
        """Raise PanelError if the panel is gone; called about once a second while all is still."""

    def clear(self) -> None:
        """Leave nothing to be seen."""

    def close(self) -> None:
        """Let go of the panel; what it shows stays."""
