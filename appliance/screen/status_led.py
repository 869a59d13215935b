"""Status LED: a second output for scenes, for people who can't read the screen.

An LED with a resistor of 330 ohms in series, between a GPIO pin and ground.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from appliance.core.events import Post, StatusLedFailed, StatusLedReady
from appliance.core.faults import Fault
from appliance.core.late_imports import import_lock
from appliance.hardware import gpio
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene
from appliance.settings.schema import StatusLedSettings
from appliance.system.supervision import BusyTimer

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)


class Pattern(NamedTuple):
    """Seconds in turn for which the LED is on and off; None is for ever, 0 not at all."""

    on: float | None
    off: float | None


OFF = Pattern(on=0.0, off=None)
ON = Pattern(on=None, off=0.0)
SLOW = Pattern(on=1.0, off=1.0)
FAST = Pattern(on=0.2, off=0.2)
FLICKER = Pattern(on=0.4, off=0.1)
"""Almost always on: something is wrong, and the microphone is open."""

FLUTTER = Pattern(on=0.1, off=0.1)
"""Somebody is called."""

_IN_PROGRESS = {Mode.CONNECTING, Mode.RECONNECTING, Mode.FINISHING}


def pattern_of(scene: Scene) -> Pattern:
    """Return the pattern of the LED for a scene.

    It is on while words are heard, blinks slowly while a connection is made or words still come,
    and fast whenever something is wrong; it flutters for a moment when the reader is called.
    Otherwise it is off. On a box without a screen it must
    not look the same with the microphone open and closed.

    >>> pattern_of(Scene(Mode.LISTENING)) == ON
    True
    """
    if scene.alert:
        return FLUTTER
    if scene.fault:
        return FLICKER if scene.mode in MICROPHONE_OPEN else FAST
    if scene.mode is Mode.LISTENING:
        return ON
    return SLOW if scene.mode in _IN_PROGRESS else OFF


class StatusLed:
    """Output for scenes on an LED.

    Its thread opens the pin, and tries again until it can. Without a pin in the settings, nothing
    is ever done or posted.

        led = StatusLed(StatusLedSettings(pin=27), post)
        led.start()
        led.show(Scene(Mode.LISTENING))
        ...
        led.end()

    Args:
        settings: the pin.
        post: takes StatusLedReady and StatusLedFailed, once for every change from one to the
            other.
        pin_factory: gpiozero's pin factory; its default one when not given, as set by
            `gpiozero.Device.pin_factory` or `$GPIOZERO_PIN_FACTORY`.
        pattern_of: returns the pattern for a scene.
        retry_interval: seconds between two attempts to open the pin.

    Attributes:
        busy_timer: times the calls of the thread into the pin library, which may hang.
    """

    def __init__(
        self,
        settings: StatusLedSettings,
        post: Post,
        *,
        pin_factory: "gpiozero.Factory | None" = None,
        pattern_of: Callable[[Scene], Pattern] = pattern_of,
        retry_interval: float = gpio.RETRY_INTERVAL,
    ) -> None:
        self._pin = settings.pin
        self._post = post
        self._pin_factory = pin_factory
        self._pattern_of = pattern_of
        self._retry_interval = retry_interval
        self._changed = threading.Condition()
        self._wanted = OFF
        self._ending = False
        self.busy_timer = BusyTimer("status LED")
        self._thread = threading.Thread(target=self._run, name="status-led", daemon=True)

    def start(self) -> None:
        """Start the thread that opens the pin."""
        if self._pin != "none":
            self._thread.start()

    def show(self, scene: Scene) -> None:
        """Show this scene; return at once. An LED that already blinks for it goes on blinking."""
        wanted = self._pattern_of(scene)
        with self._changed:
            if wanted != self._wanted:
                self._wanted = wanted
                self._changed.notify()

    def end(self) -> None:
        """Switch the LED off, release the pin and end the thread. Nothing is posted afterwards."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(gpio.RELEASE_TIMEOUT)

    def _run(self) -> None:
        reported = False
        while not self._ending:
            try:
                with gpio.raising_pin_errors(self._pin), self._open_led() as led:
                    log.info("status LED: GPIO %s", self._pin)
                    self._post(StatusLedReady())
                    reported = False
                    self._show_until_end(led)
            except gpio.PinError as error:
                fault = _fault_of(error, self._pin)
                if not reported:
                    log.warning("%s", fault)
                    self._post(StatusLedFailed(fault))
                reported = True
                self._wait_for_end(self._retry_interval)

    @contextmanager
    def _open_led(self) -> "Iterator[gpiozero.LED]":
        with self.busy_timer:
            led = self._new_led()
        with led:
            yield led
            led.off()

    def _new_led(self) -> "gpiozero.LED":
        factory = gpio.factory(self._pin_factory)
        with import_lock:
            import gpiozero  # noqa: PLC0415 - slow to load, and the line above prepares that

        return gpiozero.LED(self._pin, pin_factory=factory)

    def _show_until_end(self, led: "gpiozero.LED") -> None:
        # gpiozero's own blinking would end with the first error.
        shown, lit = OFF, False
        while wanted := self._wait_for_other_than(shown, shown.on if lit else shown.off):
            lit = not lit if wanted == shown else wanted.on != 0
            led.value = lit
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
