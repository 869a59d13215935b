"""Simulated OLED on I2C: takes a driver's bytes and shows what the panel would show.

Written from the data sheets of the SSD1306 (Solomon Systech, rev. 1.1, sections 8 to 10) and the
SH1106 (Sino Wealth, v2.3). It replaces an smbus2.SMBus: pass it to `open_panel(bus=...)`, or let
`smbus2.SMBus` return it. The modules are wired like the common ones: they show an upright picture
with segment re-map (A1) and reversed COM scan (C8).
"""

import errno
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from PIL import Image

HORIZONTAL, VERTICAL, PAGE = 0, 1, 2
"""Memory addressing modes, as in command 20h."""


class Message(Protocol):
    """I2C message like smbus2.i2c_msg: an address, and bytes to iterate over."""

    addr: int

    def __iter__(self) -> Iterable[int]: ...


class Ssd1306:
    """SSD1306 (or SSD1309) module of 128x64 or 128x32 pixels at an I2C address.

    Args:
        address: where it answers.
        height: rows of pixels, 64 or 32.
        hertz: clock of the bus, which decides how long sending takes; 0 for no time at all.
        sleep: lets the time pass.
    """

    COLUMNS = 128
    FIRST_COLUMN = 0
    ARGUMENTS: ClassVar = {
        0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2,
        0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
    }  # fmt: skip
    """Number of bytes that follow a command."""

    def __init__(
        self,
        address: int = 0x3C,
        height: int = 64,
        hertz: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self.size = (128, height)
        self.bytes_sent = 0
        self.transfers = 0
        self.closed = 0
        self.on_transfer: Callable[[], object] = lambda: None
        """Called after each transfer."""
        self._hertz = hertz
        self._sleep = sleep
        self._lock = threading.RLock()
        self._plugged = True
        self._failures: list[int] = []
        self._taken_before_failure = 0
        self._power_on()

    # Faults

    def unplug(self) -> None:
        """Pull the module out: it no longer answers."""
        with self._lock:
            self._plugged = False

    def plug(self) -> None:
        """Put the module back: reset, switched off, with noise in its memory."""
        with self._lock:
            self._plugged = True
            self._power_on()

    def fail(self, *errors: int, after: int = 0) -> None:
        """Let the next transfers end in these errors, 0 being a success: `fail(0, errno.EIO)`.

        Of a transfer that fails, the panel has taken its first `after` bytes already.
        """
        with self._lock:
            self._failures = list(errors)
            self._taken_before_failure = after

    # The picture

    @property
    def image(self) -> Image.Image:
        """The picture that can be seen (mode "1")."""
        with self._lock:
            image = Image.new("1", self.size)
            if self.on and self.pump:
                lit = [
                    (x, y)
                    for y in range(self.size[1])
                    for x in range(self.size[0])
                    if self._lit(x, y)
                ]
                for x, y in lit:
                    image.putpixel((x, y), 1)
            return image

    def _lit(self, x: int, y: int) -> bool:
        if self.all_on:
            return True
        column = (x if self.remapped else self.size[0] - 1 - x) + self.FIRST_COLUMN
        scanned = y if self.reversed else self.size[1] - 1 - y
        row = (scanned + self.start_line + self.offset) % 64
        bit = self.memory[row // 8][column] >> (row % 8) & 1
        return bool(bit) != self.inverted

    # smbus2.SMBus

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        """Take a control byte and up to 32 bytes, as SMBus has it."""
        assert len(data) <= 32, "SMBus knows no longer blocks"
        self._take(address, [register, *data])

    def i2c_rdwr(self, *messages: Message) -> None:
        """Take messages of any length."""
        for message in messages:
            self._take(message.addr, list(message))  # type: ignore[call-overload]

    def write_byte(self, address: int, value: int) -> None:
        """Take a single byte: a control byte with nothing behind it."""
        self._take(address, [value])

    def close(self) -> None:
        """Count that the bus was closed; it can be used again, like a path opened once more."""
        self.closed += 1

    # The wire

    def _take(self, address: int, message: list[int]) -> None:
        with self._lock:
            self._answer(address)
            failure = self._failures.pop(0) if self._failures else 0
            if failure:
                message = message[: self._taken_before_failure]
            self.transfers += 1
            self.bytes_sent += 1 + len(message)
            self._execute_transfer(message)
            if failure:
                raise OSError(failure, "the bus failed")
            self.on_transfer()
        if self._hertz:
            self._sleep((9 * (1 + len(message)) + 2) / self._hertz)

    def _answer(self, address: int) -> None:
        if address != self.address or not self._plugged:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")

    def _execute_transfer(self, message: list[int]) -> None:
        """Take a control byte, and commands or data behind it; or nothing of them."""
        control, *payload = message or [0x00]
        assert control in {0x00, 0x40}, f"control byte {control:#04x}: one kind a transfer"
        for byte in payload:
            if control == 0x40:
                self._write(byte)
            else:
                self._command_byte(byte)

    # The controller

    def _power_on(self) -> None:
        noise = random.Random(1)
        self.memory = [bytearray(noise.randbytes(self.COLUMNS)) for _ in range(8)]
        self.on = self.pump = self.inverted = self.all_on = False
        self.remapped = self.reversed = False
        self.contrast = 0x7F
        self.start_line = self.offset = 0
        self.mode = PAGE
        self.first_column, self.last_column = 0, self.COLUMNS - 1
        self.first_page, self.last_page = 0, 7
        self.column = self.page = 0
        self._pending: list[int] = []

    def _command_byte(self, byte: int) -> None:
        """Collect a command and the bytes that belong to it, also over transfers."""
        self._pending.append(byte)
        command, *arguments = self._pending
        if len(arguments) == self.ARGUMENTS.get(command, 0):
            self._pending = []
            self._execute(command, arguments)

    def _execute(self, command: int, arguments: list[int]) -> None:
        match command:
            case 0x20 | 0x21 | 0x22:
                self._set_addressing(command, arguments)
            case 0x81:
                self.contrast = arguments[0]
            case 0x8D:
                self.pump = bool(arguments[0] & 0x04)
            case 0xD3:
                self.offset = arguments[0] & 0x3F
            case _ if command < 0x20 or 0xB0 <= command <= 0xB7:
                self._set_page_address(command)
            case _ if 0x40 <= command <= 0x7F:
                self.start_line = command & 0x3F
            case _:
                self._execute_switch(command)

    def _execute_switch(self, command: int) -> None:
        match command:
            case 0xA0 | 0xA1:
                self.remapped = command == 0xA1
            case 0xA4 | 0xA5:
                self.all_on = command == 0xA5
            case 0xA6 | 0xA7:
                self.inverted = command == 0xA7
            case 0xAE | 0xAF:
                self.on = command == 0xAF
            case 0xC0 | 0xC8:
                self.reversed = command == 0xC8

    def _set_addressing(self, command: int, arguments: list[int]) -> None:
        if command == 0x20:
            self.mode = arguments[0] & 0x03
        elif command == 0x21:
            self.first_column, self.last_column = (argument & 0x7F for argument in arguments)
            self.column = self.first_column
        else:
            self.first_page, self.last_page = (argument & 0x07 for argument in arguments)
            self.page = self.first_page

    def _set_page_address(self, command: int) -> None:
        """00h-1Fh and B0h-B7h: these are for page addressing mode only."""
        if self.mode != PAGE:
            return
        if command >= 0xB0:
            self.page = command & 0x07
        elif command >= 0x10:
            self.column = (command & 0x0F) << 4 | self.column & 0x0F
        else:
            self.column = self.column & 0xF0 | command

    def _write(self, byte: int) -> None:
        if self.column < self.COLUMNS:
            self.memory[self.page][self.column] = byte
        if self.mode == VERTICAL:
            self._next_page()
            if self.page == self.first_page:
                self._next_column()
        else:
            self._next_column()
            if self.mode == HORIZONTAL and self.column == self.first_column:
                self._next_page()

    def _next_column(self) -> None:
        at_end = self.column == self.last_column
        self.column = self.first_column if at_end else self.column + 1

    def _next_page(self) -> None:
        at_end = self.page == self.last_page
        self.page = self.first_page if at_end else (self.page + 1) % 8


class Sh1106(Ssd1306):
    """SH1106 module of 128x64 pixels: 132 columns of memory, page addressing alone."""

    COLUMNS = 132
    FIRST_COLUMN = 2
    ARGUMENTS: ClassVar = {0x81: 1, 0xA8: 1, 0xAD: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}

    def _power_on(self) -> None:
        super()._power_on()
        self.pump = True  # its DC-DC converter is on unless it is switched off

    def _execute(self, command: int, arguments: list[int]) -> None:
        unknown = 0x20 <= command <= 0x2F or command == 0x8D
        if not unknown:
            super()._execute(command, arguments)

    def _next_column(self) -> None:
        # Counting stops at the last column, and no page follows by itself (section "Page Address").
        self.column = min(self.column + 1, self.COLUMNS)


MODULES: dict[str, type[Ssd1306]] = {"ssd1306": Ssd1306, "ssd1309": Ssd1306, "sh1106": Sh1106}
"""Modules by the name of their driver."""


def pixels(picture: Image.Image | None) -> bytes:
    """Return a byte for each pixel of a picture, whatever its mode: 0 or 255."""
    assert picture
    return picture.convert("L").point(lambda value: 255 * bool(value)).tobytes()
