"""Appliance to be measured: the whole program, with an OLED that costs what a real one does.

python -m tests.benchmarks.measured SETTINGS.toml: reports besides when the controller has a turn.
"""

import sys
from pathlib import Path

from appliance.app import wiring
from appliance.controller.controller import Controller
from appliance.core.events import TurnReceived
from appliance.hardware.portaudio import quiet_audio
from appliance.settings import load
from appliance.system import log_setup
from tests.benchmarks.device import serve
from tests.benchmarks.reports import report


class WriteOnlyBus:
    """I2C bus like smbus2.SMBus that drops what is written to it.

    A simulated OLED computes in Python what a real panel does by itself; that is no work of the
    appliance's.
    """

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        """Take a control byte and up to 32 bytes."""

    def i2c_rdwr(self, *messages: object) -> None:
        """Take messages of any length."""

    def write_byte(self, address: int, value: int) -> None:
        """Take a single byte."""

    def close(self) -> None:
        """Let go of the bus."""


class ReportingController(Controller):
    """Controller that reports when it handles a turn: nothing outside of it shows that moment."""

    def _turn_received(self, event: TurnReceived) -> None:
        report("handled")
        super()._turn_received(event)


def main() -> None:
    """Be the appliance."""
    log_setup.set_up()
    # The parts name their controller themselves; nothing else has to be replaced.
    vars(wiring)["Controller"] = ReportingController
    serve(load(Path(sys.argv[1])), quiet_audio, WriteOnlyBus())


if __name__ == "__main__":
    main()
