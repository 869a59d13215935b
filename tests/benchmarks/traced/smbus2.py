"""Replacement for smbus2 on the module path: the real one, with a bus that records what is sent.

Each transfer becomes a line of the file `$BOOT_TRACE`: the monotonic time at its end, the CPU
seconds of the program until then, and the bytes. It takes as long as 400 kHz take; nothing answers.
"""

import importlib
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

HERTZ = 400_000


class TracedBus:
    """Replacement for smbus2.SMBus."""

    def __init__(self, _port: int) -> None:
        self._trace = os.open(os.environ["BOOT_TRACE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write_byte(self, _address: int, value: int) -> None:
        """Take a single byte."""
        self._take([value])

    def write_i2c_block_data(self, _address: int, register: int, data: list[int]) -> None:
        """Take a control byte and up to 32 bytes."""
        self._take([register, *data])

    def i2c_rdwr(self, *messages: Iterable[int]) -> None:
        """Take messages of any length."""
        for message in messages:
            self._take(list(message))

    def close(self) -> None:
        """Let go of the bus."""
        os.close(self._trace)

    def _take(self, message: list[int]) -> None:
        # Nine bits a byte, the address being one, between a start and a stop.
        time.sleep((9 * (1 + len(message)) + 2) / HERTZ)
        line = f"{time.monotonic():.6f} {time.process_time():.6f} {bytes(message).hex()}\n"
        os.write(self._trace, line.encode())


# Out of the way, so that the real module is loaded, at its usual cost, and stays.
del sys.modules["smbus2"]
sys.path.remove(str(Path(__file__).parent))
vars(importlib.import_module("smbus2"))["SMBus"] = TracedBus
