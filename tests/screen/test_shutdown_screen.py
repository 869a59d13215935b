import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.screen.panels.factory import open_panel
from appliance.screen.panels.oled import DIMMED_CONTRAST
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.screen.shutdown_screen import show_shutdown_screen
from appliance.settings.schema import DisplaySettings
from tests.rig.oled import Ssd1306

ROOT = Path(__file__).parents[2]

PROGRAM = """
import os, sys

def note(event, details):
    if event == "open" and details[2] & (os.O_WRONLY | os.O_RDWR):
        print("opened for writing:", details[0])

sys.addaudithook(note)
from appliance.settings.schema import DisplaySettings
from appliance.screen.shutdown_screen import show_shutdown_screen
from tests.rig.oled import Ssd1306

module = Ssd1306()
show_shutdown_screen(DisplaySettings(), bus=module)
print("shown" if module.image.getbbox() else "dark")
"""


def test_safe_to_unplug_stays_on_the_panel() -> None:
    module = Ssd1306()
    show_shutdown_screen(DisplaySettings(), bus=module)
    assert module.on
    assert module.image.tobytes() == Renderer().draw(Scene(Mode.OFF)).tobytes()


def test_the_picture_that_the_program_left_is_replaced() -> None:
    module = Ssd1306()
    left = open_panel(DisplaySettings(), bus=module)
    assert left
    stopping = Scene(Mode.STOPPING)
    left.show(stopping, Renderer().draw(stopping))
    left.close()
    show_shutdown_screen(DisplaySettings(), bus=module)
    assert module.image.tobytes() == Renderer().draw(Scene(Mode.OFF)).tobytes()


def test_it_is_dim_since_it_may_stay_for_months() -> None:
    module = Ssd1306()
    show_shutdown_screen(DisplaySettings(contrast=200), bus=module)
    assert module.contrast == DIMMED_CONTRAST


def test_a_missing_panel_is_reported_and_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    module = Ssd1306()
    module.unplug()
    with caplog.at_level(logging.WARNING):
        show_shutdown_screen(DisplaySettings(), bus=module)
    assert "does not answer" in caplog.text


@pytest.mark.parametrize("driver", ["none", "terminal"])
def test_without_an_oled_nothing_is_done(driver: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_shutdown_screen(DisplaySettings(driver=driver))
    assert capsys.readouterr().out == ""


def test_nothing_is_written_to_any_disk() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    assert run.stdout.splitlines() == ["shown"]
