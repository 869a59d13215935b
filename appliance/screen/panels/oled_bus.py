"""Bus to an OLED that records the initialisation and can repeat it."""

from collections.abc import Callable
from typing import Any

DISPLAY_OFF = 0xAE
DISPLAY_ON = 0xAF
CONTRAST = 0x81
"""Commands that SSD1306, SSD1309 and SH1106 share."""


_LONGEST_ARGUMENTS = 16
"""Bytes of data that may belong to a command; more are a picture."""


class RecordingBus:
    """Proxy of one of luma's interfaces, between luma's device and the wires.

    Args:
        interface: an open luma.core.interface.serial.i2c or spi.
        dark: whether the initialisation leaves the OLED off and its memory unchanged. luma would
            send a blank picture, which takes as long as the first real one.
    """

    def __init__(self, interface: Any, *, dark: bool = False) -> None:  # noqa: ANN401 - luma ships no types
        self._interface = interface
        self._dark = dark
        self._initialisation: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._recording = True

    def command(self, *command: int) -> None:
        """Send a command with its arguments, or several."""
        if self._recording:
            self._record(command)
            if self._dark and command == (DISPLAY_ON,):
                return
        self._interface.command(*command)

    def data(self, data: bytes | list[int]) -> None:
        """Send bytes for the OLED's memory."""
        if self._dark and self._recording:
            return
        if self._recording and len(data) <= _LONGEST_ARGUMENTS:
            self._initialisation.append((self._interface.data, (list(data),)))
        self._interface.data(list(data))

    def cleanup(self) -> None:
        """Close the interface."""
        self._interface.cleanup()

    def end_recording(self) -> None:
        """End the initialisation: `replay` repeats what was sent until now."""
        self._recording = False

    def replay(self) -> None:
        """Repeat the initialisation, apart from its commands for brightness.

        With the brightness set afterwards, this repairs an OLED that lost its power for a moment
        between two commands.
        """
        for send, arguments in self._initialisation:
            send(*arguments)

    def _record(self, command: tuple[int, ...]) -> None:
        if self._dark:
            command = _without_brightness(command)
        elif command in {(DISPLAY_OFF,), (DISPLAY_ON,)}:
            return  # other controllers get arguments as data, so their contrast stays
        if command:
            self._initialisation.append((self._interface.command, command))


def _without_brightness(command: tuple[int, ...]) -> tuple[int, ...]:
    """Return a command of luma's initialisation without a leading change of brightness."""
    first, *others = command
    if first == CONTRAST:
        return tuple(others[1:])
    return tuple(others) if first in {DISPLAY_OFF, DISPLAY_ON} else command
