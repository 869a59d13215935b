"""Output pin that spoken commands switch: a relay or a lamp."""

import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from appliance.core.late_imports import import_lock
from appliance.hardware import gpio

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)


class OutputPin:
    """Relay module or lamp driver on a GPIO pin; opened when first switched, off at first.

    Calls may block and must not come from several threads at once.

        lamp = OutputPin(22)
        lamp.switch("on")
        ...
        lamp.close()

    Args:
        pin: its GPIO number.
        active_high: whether "on" is the high level of the pin; else it is the low one.
        pin_factory: gpiozero's pin factory; its default one when not given, as set by
            `gpiozero.Device.pin_factory` or `$GPIOZERO_PIN_FACTORY`.
        timeout: seconds after which the caller has given up; a switching that takes longer is
            undone.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pin: int,
        *,
        active_high: bool = True,
        pin_factory: "gpiozero.Factory | None" = None,
        timeout: float = gpio.RELEASE_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pin = pin
        self._active_high = active_high
        self._pin_factory = pin_factory
        self._timeout = timeout
        self._clock = clock
        self._device: gpiozero.OutputDevice | None = None

    def switch(self, state: Literal["on", "off", "toggle"]) -> None:
        """Switch the pin.

        Raises:
            PinError: the pin can't be used, or took longer than the timeout. It is released, and
                opened again at the next call.
        """
        began_at = self._clock()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            with gpio.raising_pin_errors(self._pin):
                self._set(state)
                if (lasted := self._clock() - began_at) > self._timeout:
                    raise TimeoutError(f"it hung for {lasted:.1f} s")
            on_failure.pop_all()

    def close(self) -> None:
        """Switch the pin off and release it."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            with gpio.raising_pin_errors(self._pin), device:
                device.off()
        except gpio.PinError as error:
            log.warning("%s", error)

    def _set(self, state: Literal["on", "off", "toggle"]) -> None:
        if self._device is None:
            self._device = self._open()
        match state:
            case "on":
                self._device.on()
            case "off":
                self._device.off()
            case "toggle":
                self._device.toggle()

    def _open(self) -> "gpiozero.OutputDevice":
        factory = gpio.factory(self._pin_factory)
        with import_lock:
            import gpiozero  # noqa: PLC0415 - slow to load, and the line above prepares that

        return gpiozero.OutputDevice(self._pin, active_high=self._active_high, pin_factory=factory)
