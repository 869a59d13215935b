"""The bus to an OLED, which remembers how the OLED was initialised."""

from typing import Any

DISPLAY_OFF = 0xAE
DISPLAY_ON = 0xAF
CONTRAST = 0x81
"""Commands that the SSD1306, the SSD1309 and the SH1106 share."""


class Bus:
    """Sends commands and data through one of luma's interfaces; takes its place for luma's devices.

    Args:
        interface: an open luma.core.interface.serial.i2c or spi.
        dark: whether the initialisation leaves the OLED off, and its memory as it is. luma would
            send a blank picture, which takes as long as the first one that shows something.
    """

    def __init__(self, interface: Any, *, dark: bool = False) -> None:  # noqa: ANN401 - luma ships no types
        self._interface = interface
        self._dark = dark
        self._initialisation: list[tuple[int, ...]] = []
        self._remembering = True

    def command(self, *command: int) -> None:
        """Send a command with its arguments, or several."""
        if self._remembering:
            self._initialisation.append(command)
            if self._dark and command == (DISPLAY_ON,):
                return
        self._interface.command(*command)

    def data(self, data: bytes | list[int]) -> None:
        """Send bytes for the display's memory."""
        if not (self._dark and self._remembering):
            self._interface.data(list(data))

    def cleanup(self) -> None:
        """Close the interface."""
        self._interface.cleanup()

    def initialised(self) -> None:
        """Mark the end of the initialisation: what was sent until now can be sent again."""
        self._remembering = False

    def replay(self) -> None:
        """Initialise the OLED once more, while it goes on shining as it does.

        With its light set afterwards, this heals one that lost its power for a moment without
        missing a command.
        """
        for command in self._initialisation:
            steady = _without_light(command)
            if steady:
                self._interface.command(*steady)


def _without_light(command: tuple[int, ...]) -> tuple[int, ...]:
    """Return what is left of a command of the initialisation, each of which sets light first."""
    first, *others = command
    if first == CONTRAST:
        return tuple(others[1:])
    return tuple(others) if first in {DISPLAY_OFF, DISPLAY_ON} else command
