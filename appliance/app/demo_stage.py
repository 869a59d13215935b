"""The panel that the demo watches, and its lamp."""

import threading
from collections.abc import Iterable
from typing import Self

from gpiozero.pins.mock import MockFactory, MockPin
from PIL import Image

from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.scene import Mode, Scene
from appliance.settings.commands import Command, Gpio

PATIENCE = 60.0
"""Seconds after which a step of the demo has failed."""


class DemoError(Exception):
    """The demo can't go on; the message says why, for the person who started it."""


class Stage:
    """A panel that is watched: it passes pictures on, and lets one wait for what they show.

    `panel` is what a person sees, if anything; `left` is set when nobody waits any more.
    """

    def __init__(self, panel: Panel | None) -> None:
        self._panel = panel
        self._mode = Mode.STARTING
        self._failure: PanelError | None = None
        self._changed = threading.Condition()
        self.picture: Image.Image | None = None
        self.left = threading.Event()

    def show(self, scene: Scene, picture: Image.Image) -> None:
        """Show a picture; the last of a session stays standing when the program ends."""
        if scene.mode is Mode.STOPPING:
            return
        try:
            if self._panel:
                self._panel.show(scene, picture)
        except PanelError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
            raise
        with self._changed:
            self._mode = scene.mode
            self.picture = picture
            self._changed.notify_all()

    def set_brightness(self, brightness: Brightness) -> None:
        """Shine like this from now on."""
        if self._panel:
            self._panel.set_brightness(brightness)

    def check(self) -> None:
        """Raise PanelError if the panel is gone."""
        if self._panel:
            self._panel.check()

    def clear(self) -> None:
        """Leave nothing to be seen, as on an OLED; in a demo the last picture may stay."""

    def close(self) -> None:
        """Let go of the panel."""
        if self._panel:
            self._panel.close()

    def leave(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self.left.set()
            self._changed.notify_all()

    def wait_for(self, *modes: Mode, patience: float = PATIENCE) -> None:
        """Wait until one of these is shown.

        Raises:
            DemoError: it never was, or nothing can be shown.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self.left.is_set() or self._failure or self._mode in modes, patience
            )
            if self._failure:
                raise DemoError(str(self._failure)) from self._failure
            if self._mode not in modes:
                wanted = " or ".join(mode.value for mode in modes)
                raise DemoError(f"the appliance is {self._mode.value}; it should be {wanted} now")


class Lamp:
    """A lamp that is wired to a pin of gpiozero's `MockFactory`.

    It is on while the pin is driven high, or low where it is not `active_high`.
    """

    def __init__(self, pin: "MockPin", *, active_high: bool = True) -> None:
        self._pin = pin
        self._active_high = active_high

    @classmethod
    def of(cls, commands: Iterable[Command], pins: "MockFactory") -> Self | None:
        """Return a lamp at the pin of the first command that switches one."""
        gpio = next((command for command in commands if isinstance(command, Gpio)), None)
        return cls(pins.pin(gpio.pin), active_high=gpio.active_high) if gpio else None

    @property
    def was_lit(self) -> bool:
        """Whether it ever was on."""
        # The first state is that of a pin which nothing drives yet.
        return any(state.state == self._active_high for state in self._pin.states[1:])

    @property
    def is_lit(self) -> bool:
        """Whether it is on."""
        return self._pin.function == "output" and bool(self._pin.state) is self._active_high

    @property
    def name(self) -> str:
        """What it is called, and where it is wired."""
        return f"Lamp (GPIO {self._pin.info.name.removeprefix('GPIO')})"

    def __str__(self) -> str:
        """Return its state in words."""
        return f"{self.name}: {'on' if self.is_lit else 'off'}"
