"""Panel that the demo watches, and its lamp."""

import threading
from collections.abc import Iterable
from typing import Self

from gpiozero.pins.mock import MockFactory, MockPin
from PIL import Image

from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.scene import Mode, Scene
from appliance.settings.commands import Command, Gpio

STEP_TIMEOUT = 60.0
"""Seconds for one step of the demo."""


class DemoError(Exception):
    """The demo failed; the message says why."""


class WatchedPanel:
    """Panel that passes pictures on, and that other threads can wait on for a mode.

    Args:
        panel: the panel that a person sees, if any.

    Attributes:
        picture: the last picture.
        left: set when nobody needs to wait any more.
    """

    def __init__(self, panel: Panel | None) -> None:
        self._panel = panel
        self._mode = Mode.STARTING
        self._failure: PanelError | None = None
        self._changed = threading.Condition()
        self.picture: Image.Image | None = None
        self.left = threading.Event()

    def show(self, scene: Scene, picture: Image.Image) -> None:
        """Show a picture; the last one before STOPPING stays.

        A panel that fails ends the demo, which says why once, so it is not reopened and logged.
        """
        if scene.mode is Mode.STOPPING:
            return
        try:
            if self._panel:
                self._panel.show(scene, picture)
        except PanelError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
            return
        with self._changed:
            self._mode = scene.mode
            self.picture = picture
            self._changed.notify_all()

    def set_brightness(self, brightness: Brightness) -> None:
        """Set the brightness."""
        if self._panel:
            self._panel.set_brightness(brightness)

    def check(self) -> None:
        """Raise PanelError if the panel is gone."""
        if self._panel:
            self._panel.check()

    def clear(self) -> None:
        """Do nothing: an OLED goes dark here, but in a demo the last picture may stay."""

    def close(self) -> None:
        """Close the panel."""
        if self._panel:
            self._panel.close()

    def leave(self) -> None:
        """End all waiting."""
        with self._changed:
            self.left.set()
            self._changed.notify_all()

    def wait_for(self, *modes: Mode, timeout: float = STEP_TIMEOUT) -> None:
        """Wait until one of these modes is shown.

        Raises:
            DemoError: none was shown in time, or the panel failed.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self.left.is_set() or self._failure or self._mode in modes, timeout
            )
            if self._failure:
                raise DemoError(str(self._failure)) from self._failure
            if self._mode not in modes:
                wanted = " or ".join(mode.value for mode in modes)
                raise DemoError(f"the appliance is {self._mode.value}; it should be {wanted} now")


class Lamp:
    """Lamp on a pin of gpiozero's `MockFactory`.

    Args:
        pin: drives the lamp.
        active_high: whether the lamp is on while the pin is high.
    """

    def __init__(self, pin: MockPin, *, active_high: bool = True) -> None:
        self._pin = pin
        self._active_high = active_high

    @classmethod
    def of(cls, commands: Iterable[Command], pins: MockFactory) -> Self | None:
        """Return a lamp on the pin of the first command that switches a pin."""
        gpio = next((command for command in commands if isinstance(command, Gpio)), None)
        return cls(pins.pin(gpio.pin), active_high=gpio.active_high) if gpio else None

    @property
    def was_lit(self) -> bool:
        """Whether the lamp has ever been on."""
        # The first state is from before anything drives the pin.
        return any(state.state == self._active_high for state in self._pin.states[1:])

    @property
    def is_lit(self) -> bool:
        """Whether the lamp is on."""
        return self._pin.function == "output" and bool(self._pin.state) is self._active_high

    @property
    def name(self) -> str:
        """Its name, with the pin."""
        return f"Lamp (GPIO {self._pin.info.name.removeprefix('GPIO')})"

    def __str__(self) -> str:
        """Return the lamp's state in words."""
        return f"{self.name}: {'on' if self.is_lit else 'off'}"
