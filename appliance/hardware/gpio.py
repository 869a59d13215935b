"""The way to the GPIO pins, for whatever is wired to one: gpiozero and the libraries behind it."""

import sys
import threading
import warnings
from typing import TYPE_CHECKING

from appliance.system import environment

if TYPE_CHECKING:
    from gpiozero import Factory

LONGEST_END = 5.0
"""Seconds for a pin to be let go; a library that hangs must not keep the program from ending."""

RETRY = 5.0
"""Seconds between two tries to get a pin."""

_choosing = threading.Lock()
"""Held while gpiozero chooses its factory: it would make one for each thread that asks."""


class PinError(Exception):
    """A pin can't be used; the message says which and why, for the log.

    It is `in_use` when something else has it.
    """

    def __init__(self, pin: int | str, error: Exception) -> None:
        named = type(error).__name__
        self.in_use = named == "GPIOPinInUse" or "busy" in str(error).casefold()
        super().__init__(f"GPIO {pin}: {named}: {error}")


class telling_errors:  # noqa: N801 - reads as what it does in a `with` statement
    """Turns what the pin libraries raise where there is no such pin into a PinError.

    No generator: from Python 3.13 on, one would keep the error in a cycle, and with it a device
    that gave up half-way, which holds on to its pin.

    Raises:
        PinError: something in the `with` block could not use the pin.
    """

    def __init__(self, pin: int | str) -> None:
        self._pin = pin

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, Exception) and isinstance(error, _pin_errors()):
            raise PinError(self._pin, error) from error


def factory(given: "Factory | None" = None) -> "Factory":
    """Return gpiozero's way to the pins: the one given, else its default.

    The default is `gpiozero.Device.pin_factory`, as `$GPIOZERO_PIN_FACTORY` chooses it. The first
    call loads gpiozero, which takes a second on a Zero.
    """
    with _choosing:
        environment.prepare()
        import gpiozero  # noqa: PLC0415 - slow to load; and lgpio must find the above

        if given is None:
            # What no factory can do is told once, in words for the person, by whoever asked.
            warnings.filterwarnings("ignore", category=gpiozero.PinFactoryFallback)
            gpiozero.Device.ensure_pin_factory()
        return gpiozero.Device.pin_factory if given is None else given


def _pin_errors() -> tuple[type[Exception], ...]:
    """Return what the pin libraries raise where there is no pin; each has its own."""
    import gpiozero  # noqa: PLC0415 - slow to load, so only once a pin is used

    lgpio = sys.modules.get("lgpio")
    own: tuple[type[Exception], ...] = (lgpio.error,) if lgpio else ()
    return (gpiozero.GPIOZeroError, ImportError, OSError, RuntimeError, *own)
