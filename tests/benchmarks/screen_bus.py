"""I2C bus that takes as long as the wire would, and keeps what went over it."""

import contextlib
import time
from collections.abc import Callable, Iterator

import smbus2

HERTZ = 400_000
"""The clock of I2C's fast mode, which the OLEDs' controllers are made for."""

BITS = 9
"""Bits for a byte on the wire: eight of its own, and the receiver's acknowledgement."""

START_AND_STOP = 2


class TimedBus:
    """Stands where smbus2.SMBus does, in front of an OLED that acknowledges everything.

    A transfer takes what the I2C specification (UM10204, section 3.1) says: a start condition, the
    address, each byte with its acknowledgement, a stop condition. The time passes in a sleep, as it
    does in the kernel's driver, so that other threads may run; that the sleeper is woken late is
    part of the figures. Not in the model are the gaps that a Pi's controller leaves between bytes.

    Args:
        hertz: the clock of the bus; 0 for no time at all.
        sleep: how the time passes.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        hertz: int = HERTZ,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hertz = hertz
        self._sleep = sleep
        self._clock = clock
        self.transfers: list[smbus2.i2c_msg] = []
        """What was sent, each with its control byte first."""
        self.bytes_sent = 0
        """Bytes on the wire, addresses too."""
        self.quiet_since = clock()
        """When the last byte had passed."""
        self.nominal = 0.0
        """Seconds that the wire alone was busy."""
        self.busy = 0.0
        """Seconds that the senders spent, from the start of a transfer until they were awake."""

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        """Take a control byte and up to 32 bytes."""
        self._take(smbus2.i2c_msg.write(address, [register, *data]))

    def i2c_rdwr(self, *messages: smbus2.i2c_msg) -> None:
        """Take messages of any length."""
        for message in messages:
            self._take(message)

    def write_byte(self, address: int, value: int) -> None:
        """Take a single byte."""
        self._take(smbus2.i2c_msg.write(address, [value]))

    def close(self) -> None:
        """Let go of the bus."""

    def _take(self, message: smbus2.i2c_msg) -> None:
        began_at = self._clock()
        self.transfers.append(message)
        self.bytes_sent += 1 + message.len
        if self._hertz:
            seconds = (BITS * (1 + message.len) + START_AND_STOP) / self._hertz
            self._sleep(seconds)
            self.nominal += seconds
        self.quiet_since = self._clock()
        self.busy += self.quiet_since - began_at


@contextlib.contextmanager
def in_place_of_smbus(bus: TimedBus) -> Iterator[None]:
    """Let smbus2.SMBus open this bus.

    A bus that is handed to luma gets pieces of 32 bytes; what luma opens itself, as it does on a
    Pi, gets whole pages and pictures.
    """
    real = smbus2.SMBus
    vars(smbus2)["SMBus"] = lambda _port: bus
    try:
        yield
    finally:
        vars(smbus2)["SMBus"] = real
