"""The bus to an OLED, which remembers how the OLED was initialised."""

from typing import Any

DISPLAY_OFF = 0xAE
DISPLAY_ON = 0xAF
"""Commands that all controllers of the SSD13xx and SH11xx families share."""


class Bus:
    """Sends commands and data through one of luma's interfaces; takes its place for luma's devices.

    Args:
        interface: an open luma.core.interface.serial.i2c or spi.
    """

    def __init__(self, interface: Any) -> None:  # noqa: ANN401 - luma ships no types
        self._interface = interface
        self._initialisation: list[tuple[int, ...]] = []
        self._remembering = True

    def command(self, *command: int) -> None:
        """Send a command with its arguments, or several."""
        self._interface.command(*command)
        if self._remembering:
            self._initialisation.append(command)

    def data(self, data: bytes | list[int]) -> None:
        """Send bytes for the display's memory."""
        self._interface.data(list(data))

    def cleanup(self) -> None:
        """Close the interface."""
        self._interface.cleanup()

    def initialised(self) -> None:
        """Mark the end of the initialisation: what was sent until now can be sent again."""
        self._remembering = False

    def replay(self) -> None:
        """Initialise the OLED once more, while it goes on showing what it shows.

        This heals one that lost its power for a moment without missing a command.
        """
        for command in self._initialisation:
            lit = command[1:] if command[0] == DISPLAY_OFF else command
            if lit:
                self._interface.command(*lit)
