"""The light: a lamp that tells what the appliance does, also to somebody who can't read the screen.

An LED with a resistor of 330 ohms in series, between a GPIO pin and ground.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from appliance.core.events import Fault, Post, StatusLedFailed, StatusLedReady
from appliance.hardware import gpio
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene
from appliance.settings.schema import StatusLedSettings
from appliance.system.supervision import BusyTimer

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)


class Pattern(NamedTuple):
    """For how many seconds in turn the lamp is on and off; None for ever, 0 not at all."""

    on: float | None
    off: float | None


OFF = Pattern(on=0.0, off=None)
ON = Pattern(on=None, off=0.0)
SLOW = Pattern(on=1.0, off=1.0)
FAST = Pattern(on=0.2, off=0.2)
FLICKER = Pattern(on=0.4, off=0.1)
"""Almost on: something is wrong, and yet the microphone is open."""

_UNDER_WAY = {Mode.CONNECTING, Mode.RECONNECTING, Mode.FINISHING}


def pattern_of(scene: Scene) -> Pattern:
    """Return what the lamp does in a scene.

    It is on while words are heard, blinks slowly while that is under way or words still come, and
    fast whenever something is wrong; otherwise it is off. Where it is all that there is to see, it
    must not look the same with the microphone open and closed.
    """
    if scene.fault:
        return FLICKER if scene.mode in MICROPHONE_OPEN else FAST
    if scene.mode is Mode.LISTENING:
        return ON
    return SLOW if scene.mode in _UNDER_WAY else OFF


class StatusLed:
    """Shows scenes on a lamp.

    The pin is opened on the light's own thread, and tried again until it can be used. Where the
    settings have no pin, nothing is ever done or posted.

        light = Light(StatusLedSettings(pin=27), post)
        light.start()
        light.show(Scene(Mode.LISTENING))
        ...
        light.end()

    Args:
        settings: the pin.
        post: takes StatusLedReady and StatusLedFailed, once for every change from one to the
            other.
        pin_factory: gpiozero's way to the pins; its default one when not given, as set by
            `gpiozero.Device.pin_factory` or `$GPIOZERO_PIN_FACTORY`.
        pattern_of: what the lamp does in a scene.
        retry: seconds between two tries to get the pin.

    Attributes:
        busy_timer: what the thread is at; a pin library may hang.
    """

    def __init__(
        self,
        settings: StatusLedSettings,
        post: Post,
        *,
        pin_factory: "gpiozero.Factory | None" = None,
        pattern_of: Callable[[Scene], Pattern] = pattern_of,
        retry: float = gpio.RETRY_INTERVAL,
    ) -> None:
        self._pin = settings.pin
        self._post = post
        self._pin_factory = pin_factory
        self._pattern_of = pattern_of
        self._retry = retry
        self._changed = threading.Condition()
        self._wanted = OFF
        self._ending = False
        self.busy_timer = BusyTimer("light")
        self._thread = threading.Thread(target=self._run, name="light", daemon=True)

    def start(self) -> None:
        """Begin to show what `show` is given; returns at once."""
        if self._pin != "none":
            self._thread.start()

    def show(self, scene: Scene) -> None:
        """Show this scene; returns at once. A lamp that blinks for it already blinks on."""
        wanted = self._pattern_of(scene)
        with self._changed:
            if wanted != self._wanted:
                self._wanted = wanted
                self._changed.notify()

    def end(self) -> None:
        """Switch the lamp off and let go of the pin. Nothing is posted afterwards."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(gpio.RELEASE_TIMEOUT)

    def _run(self) -> None:
        told = False
        while not self._ending:
            try:
                with gpio.raising_pin_errors(self._pin), self._opened() as lamp:
                    log.info("light: GPIO %s", self._pin)
                    self._post(StatusLedReady())
                    told = False
                    self._show_until_end(lamp)
            except gpio.PinError as error:
                fault = _fault_of(error, self._pin)
                if not told:
                    log.warning("%s", fault)
                    self._post(StatusLedFailed(fault))
                told = True
                self._wait_for_end(self._retry)

    @contextmanager
    def _opened(self) -> "Iterator[gpiozero.LED]":
        with self.busy_timer:
            lamp = self._lamp()
        with lamp:
            yield lamp
            lamp.off()

    def _lamp(self) -> "gpiozero.LED":
        factory = gpio.factory(self._pin_factory)
        import gpiozero  # noqa: PLC0415 - slow to load, and the line above prepares that

        return gpiozero.LED(self._pin, pin_factory=factory)

    def _show_until_end(self, lamp: "gpiozero.LED") -> None:
        # Not the lamp's own blinking, whose thread would die of the first error.
        shown, lit = OFF, False
        while wanted := self._wait_for_other_than(shown, shown.on if lit else shown.off):
            lit = not lit if wanted == shown else wanted.on != 0
            lamp.value = lit
            shown = wanted

    def _wait_for_other_than(self, shown: Pattern, timeout: float | None) -> Pattern | None:
        """Wait for another pattern, or the time to change; return the pattern, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ending or self._wanted != shown, timeout)
            return None if self._ending else self._wanted

    def _wait_for_end(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ending, timeout)


def _fault_of(error: gpio.PinError, pin: int | str) -> Fault:
    if error.in_use:
        return Fault("Light's pin in use", f"end what else uses GPIO {pin}", str(error))
    return Fault("No light", "check the GPIO and its permissions", str(error))
