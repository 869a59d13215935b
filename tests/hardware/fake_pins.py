"""Fake GPIO pins and factories that fail as a test wants."""

import gpiozero
from gpiozero.pins.mock import MockPin


class UnreliablePin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """Pin that can't be switched while it is `broken`, as one whose chip went away."""

    broken = False

    def _set_state(self, value: bool) -> None:
        if self.broken:
            raise OSError("no such device")
        super()._set_state(value)


class NoGpio(gpiozero.Factory):  # type: ignore[misc] # gpiozero has no types
    """Pin factory of a machine without GPIO."""

    def reserve_pins(self, *_: object) -> None:
        raise gpiozero.BadPinFactory("no GPIO here")
