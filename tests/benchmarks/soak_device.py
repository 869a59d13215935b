"""Appliance for a soak: the real program with simulated wires, controlled by standard input.

python -m tests.benchmarks.soak_device SETTINGS.toml TAPS: what PortAudio delivers is written to the
folder TAPS. Each line of input is a command, and the end of input ends the program as SIGTERM does:

    press [SECONDS]      press the button for so long
    oled out | oled in   pull out the OLED, put it back
    oled fail COUNT      let the next transfers on its bus fail
    fill caches          draw more words than the screen caches
    measure              report how many blocks Python, and how many bytes malloc has allocated
    census               report of which types there are the most objects
"""

import collections
import ctypes
import errno
import faulthandler
import functools
import gc
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from gpiozero.pins.mock import MockFactory, MockPin

from appliance.app import appliance as application
from appliance.app import run as running
from appliance.app.appliance import Appliance
from appliance.core.faults import Fault
from appliance.hardware.simulated import press
from appliance.screen.display import Display
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings import Settings, load
from appliance.settings.schema import DisplaySettings
from appliance.system import log_setup
from tests.benchmarks.device import PRESS
from tests.benchmarks.measured import WriteOnlyBus
from tests.benchmarks.reports import report
from tests.benchmarks.taps import TappedAudio

TYPES = 40
"""How many types a census names."""

WORDS = 4500
"""More than any cache of the screen holds."""


class LooseBus(WriteOnlyBus):
    """An I2C bus whose OLED can be pulled out and put back."""

    def __init__(self) -> None:
        self.plugged = True
        self.failures = 0

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        self._answer()
        super().write_i2c_block_data(address, register, data)

    def i2c_rdwr(self, *messages: object) -> None:
        self._answer()
        super().i2c_rdwr(*messages)

    def write_byte(self, address: int, value: int) -> None:
        self._answer()
        super().write_byte(address, value)

    def _answer(self) -> None:
        if not self.plugged:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EIO, "Input/output error")


class ReportingDisplay(Display):
    """Display that reports the mode of each scene, with an OLED or without."""

    _mode: Mode | None = None

    def show(self, scene: Scene) -> None:
        if scene.mode is not self._mode:
            self._mode = scene.mode
            report("mode", scene.mode.value)
        super().show(scene)


def main() -> None:
    """Be the appliance, whatever becomes of its settings, until standard input ends."""
    path, taps = Path(sys.argv[1]), Path(sys.argv[2])
    log_setup.set_up()
    faulthandler.register(signal.SIGUSR1)
    # The application constructs its display itself; nothing else has to be replaced.
    vars(application)["Display"] = ReportingDisplay
    settings, bus, pins = load(path), LooseBus(), MockFactory()
    pin = pins.pin(settings.button.pin, pin_class=MockPin)

    def build(settings: Settings, source: Path) -> Appliance:
        return Appliance(
            settings,
            source,
            audio=lambda: TappedAudio(taps),
            pin_factory=pins,
            open_panel=functools.partial(open_panel, bus=bus),
        )

    hand = threading.Thread(target=_run_commands, args=(sys.stdin, pin, bus, settings.display))
    hand.start()
    if not running.run(path, build):
        os._exit(1)  # the hand would wait for another command
    hand.join()


def _run_commands(commands: TextIO, pin: MockPin, bus: LooseBus, display: DisplaySettings) -> None:
    for line in commands:
        match line.split():
            case ["press", *seconds]:
                report("pressed")
                press(pin, float(seconds[0]) if seconds else PRESS)
                pin.clear_states()  # a mock pin remembers all that ever happened to it
            case ["oled", "fail", count]:
                bus.failures = int(count)
            case ["oled", where]:
                bus.plugged = where == "in"
            case ["measure"]:
                gc.collect()  # what only waits to be collected is no growth
                report("measured", words=(str(sys.getallocatedblocks()), str(_bytes_in_use())))
            case ["fill", "caches"]:
                _fill_caches(display)
                report("caches filled")
            case ["census"]:
                report("census", words=_census())
    os.kill(os.getpid(), signal.SIGTERM)


class _MallocInfo(ctypes.Structure):
    """What mallinfo2(3) returns."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def _bytes_in_use() -> int:
    """Return the bytes that malloc has allocated, without the gaps between."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _MallocInfo
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)


def _fill_caches(display: DisplaySettings) -> None:
    """Draw more words than the screen's cache holds, as a box does in its first day.

    Otherwise the cache would still be filling up, and count as growth.
    """
    renderer = Renderer.for_settings(display)
    for first in range(0, WORDS, 3):
        text = " ".join(f"x{number}" for number in range(first, first + 3))
        renderer.draw(Scene(Mode.LISTENING, turns=(ShownTurn(text),)))
        renderer.draw(Scene(Mode.READY, fault=Fault(f"{text[:12]}", f"{text[12:]} {text}")))


def _census() -> tuple[str, ...]:
    gc.collect()
    counts = collections.Counter(type(it).__qualname__ for it in gc.get_objects())
    return tuple(f"{name}:{count}" for name, count in counts.most_common(TYPES))


if __name__ == "__main__":
    main()
