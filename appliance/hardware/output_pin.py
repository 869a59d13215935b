"""The pins that commands switch: a relay or a lamp at each."""

import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from appliance.hardware import gpio

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)


class OutputPin:
    """One pin: opened when it is first switched, and kept until it is closed.

    A relay's module or a lamp's driver between the GPIO pin and ground. Calls may block, must not
    come from several threads at once, and begin with a pin that is off.

        lamp = OutputPin(22)
        lamp.switch("on")
        ...
        lamp.close()

    Args:
        pin: its GPIO number.
        active_high: whether it is on while the pin is high, or low.
        pin_factory: gpiozero's way to the pins; its default one when not given, as set by
            `gpiozero.Device.pin_factory` or `$GPIOZERO_PIN_FACTORY`.
        patience: seconds after which nobody waits for a switching any more. One that comes about
            later is undone.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pin: int,
        *,
        active_high: bool = True,
        pin_factory: "gpiozero.Factory | None" = None,
        patience: float = gpio.LONGEST_END,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pin = pin
        self._active_high = active_high
        self._pin_factory = pin_factory
        self._patience = patience
        self._clock = clock
        self._device: gpiozero.OutputDevice | None = None

    def switch(self, state: Literal["on", "off", "toggle"]) -> None:
        """Switch the pin.

        Raises:
            PinError: it can't be used, or hung for too long; it is let go, and opened anew by the
                next switching.
        """
        began = self._clock()
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            with gpio.telling_errors(self._pin):
                self._set(state)
                if (lasted := self._clock() - began) > self._patience:
                    raise TimeoutError(f"it hung for {lasted:.1f} s")
            failing.pop_all()

    def close(self) -> None:
        """Switch the pin off and let go of it."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            with gpio.telling_errors(self._pin), device:
                device.off()
        except gpio.PinError as error:
            log.warning("%s", error)

    def _set(self, state: Literal["on", "off", "toggle"]) -> None:
        if self._device is None:
            self._device = self._opened()
        match state:
            case "on":
                self._device.on()
            case "off":
                self._device.off()
            case "toggle":
                self._device.toggle()

    def _opened(self) -> "gpiozero.OutputDevice":
        factory = gpio.factory(self._pin_factory)
        import gpiozero  # noqa: PLC0415 - slow to load, and the line above prepares that

        return gpiozero.OutputDevice(self._pin, active_high=self._active_high, pin_factory=factory)
