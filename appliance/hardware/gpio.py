"""GPIO access shared by everything that is wired to a pin: gpiozero's factory and its errors."""

import sys
import warnings
from typing import TYPE_CHECKING

from appliance.core.late_imports import import_lock
from appliance.system import environment

if TYPE_CHECKING:
    from gpiozero import Factory

RELEASE_TIMEOUT = 5.0
"""Seconds for a pin to be released; a library that hangs must not keep the program from ending."""

RETRY_INTERVAL = 5.0
"""Seconds between two attempts to open a pin."""


class PinError(Exception):
    """A pin that can't be used; the message names it and the reason, for the log.

    Attributes:
        in_use: whether something else has the pin.
    """

    def __init__(self, pin: int | str, error: Exception) -> None:
        kind = type(error).__name__
        self.in_use = kind == "GPIOPinInUse" or "busy" in str(error).casefold()
        super().__init__(f"GPIO {pin}: {kind}: {error}")


class raising_pin_errors:  # noqa: N801 - reads as what it does in a `with` statement
    """Context manager that turns the pin libraries' exceptions into a PinError.

    It is no generator: from Python 3.13 on, a generator would keep the error in a reference cycle,
    and with it a half-opened device, which would hold on to its pin.

        with raising_pin_errors(22):
            device = gpiozero.LED(22)

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
        if isinstance(error, Exception) and isinstance(error, _library_errors()):
            raise PinError(self._pin, error) from error


def factory(given: "Factory | None" = None) -> "Factory":
    """Return the pin factory to use: the one given, else gpiozero's default.

    The default is `gpiozero.Device.pin_factory`, as `$GPIOZERO_PIN_FACTORY` chooses it. The first
    call loads gpiozero, which takes a second on a Zero.
    """
    # Choosing a factory imports it; and gpiozero would make one for each thread that asks.
    with import_lock:
        environment.prepare()
        import gpiozero  # noqa: PLC0415 - slow to load; and lgpio must find the above

        if given is None:
            # The caller reports once, in plain words, what no factory can do.
            warnings.filterwarnings("ignore", category=gpiozero.PinFactoryFallback)
            gpiozero.Device.ensure_pin_factory()
        return gpiozero.Device.pin_factory if given is None else given


def _library_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that the pin libraries raise for a pin that can't be used."""
    with import_lock:
        import gpiozero  # noqa: PLC0415 - slow to load, so only once a pin is used

    lgpio = sys.modules.get("lgpio")
    own: tuple[type[Exception], ...] = (lgpio.error,) if lgpio else ()
    return (gpiozero.GPIOZeroError, ImportError, OSError, RuntimeError, *own)
