"""Appliance with simulated wires, controlled by standard input; it reports on standard output.

Each line of input presses the button; the end of input ends the program. What the OLED shows is
reported.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from gpiozero.pins.mock import MockFactory, MockPin
from PIL import Image

from appliance.app.appliance import Appliance
from appliance.core.events import Post, StopRequested
from appliance.hardware.portaudio import Audio
from appliance.hardware.simulated import press
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel
from appliance.screen.panels.factory import open_panel
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings
from tests.benchmarks.reports import report
from tests.rig.box import shown_words

PRESS = 0.06
"""Seconds for which a quick person holds the button down."""


class ReportingPanel:
    """A panel that reports which modes and words it shows."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._mode: Mode | None = None
        self._known: set[str] = set()

    def show(self, scene: Scene, picture: Image.Image) -> None:
        self._panel.show(scene, picture)
        new = tuple(word for word in shown_words(scene) if word not in self._known)
        if new or scene.mode is not self._mode:
            report("shown", scene.mode.value, new)
        self._known.update(new)
        self._mode = scene.mode

    def set_brightness(self, brightness: Brightness) -> None:
        self._panel.set_brightness(brightness)

    def check(self) -> None:
        self._panel.check()

    def clear(self) -> None:
        self._panel.clear()

    def close(self) -> None:
        self._panel.close()


def serve(settings: Settings, audio: Callable[[], Audio], bus: Any) -> None:  # noqa: ANN401 - smbus2 ships no types
    """Be the appliance, on this bus, until standard input ends."""

    def open_reporting_panel(display: DisplaySettings) -> Panel:
        panel = open_panel(display, bus=bus)
        assert panel is not None, "the settings name an OLED"
        return ReportingPanel(panel)

    pins = MockFactory()
    pin = pins.pin(settings.button.pin, pin_class=MockPin)
    appliance = Appliance(settings, audio=audio, pin_factory=pins, open_panel=open_reporting_panel)
    finger = threading.Thread(
        target=_press_on_input, args=(sys.stdin, pin, appliance.post), name="finger"
    )
    finger.start()
    appliance.run()
    finger.join()


def _press_on_input(commands: TextIO, pin: MockPin, post: Post) -> None:
    for _ in commands:
        report("pressed")
        press(pin, PRESS)
    post(StopRequested())
