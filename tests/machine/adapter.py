"""I2C adapter on USB for the OLED, as the kernel's driver i2c-tiny-usb expects it.

Each I2C message is one control transfer. Requests: 1 what it can do, 2 the delay between bits, 3
how the last message went, 4 to 7 a message, with begin and end in the two low bits.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.machine.usb import Device, Setup, descriptor
from tests.rig.oled import Ssd1306

PLAIN_I2C = 0x00000001
SMBUS_BY_I2C = 0x0EFF0008
_ACKNOWLEDGED, _IGNORED = b"\1", b"\2"


@dataclass
class Message:
    """Bytes for the chip at an address."""

    addr: int
    content: bytes

    def __iter__(self) -> Iterator[int]:
        """Go through the bytes."""
        return iter(self.content)


class I2cAdapter(Device):
    """Adapter that passes I2C messages to a panel. While that does not answer, transfers stall."""

    vendor, product, usb_class = 0x0403, 0xC631, 0xFF
    strings = ("virtual Pi", "I2C adapter", "1")

    def __init__(self, panel: Ssd1306) -> None:
        super().__init__()
        self._panel = panel
        self._acknowledged = True

    def configuration(self) -> bytes:
        """One interface of the vendor's own, without endpoints."""
        return descriptor(4, 0, 0, 0, 0xFF, 0, 0, 0)

    def read(self, setup: Setup) -> bytes | None:
        """Say what it can do, how the last message went, or what a chip says."""
        match setup.request:
            case 1:
                return struct.pack("<I", PLAIN_I2C | SMBUS_BY_I2C)
            case 3:
                return _ACKNOWLEDGED if self._acknowledged else _IGNORED
            case 4 | 5 | 6 | 7:
                # Nobody reads a panel but to learn whether it answers.
                return bytes(setup.length) if self._pass_on(setup.interface, b"") else None
            case _:
                return None

    def write(self, setup: Setup, data: bytes) -> bool:
        """Pass a message on."""
        return setup.request == 2 or self._pass_on(setup.interface, data)

    def _pass_on(self, address: int, content: bytes) -> bool:
        try:
            # The least that a chip is ever sent: a control byte with nothing behind it.
            self._panel.i2c_rdwr(Message(address, content or b"\0"))
        except OSError:
            self._acknowledged = False
        else:
            self._acknowledged = True
        return self._acknowledged
