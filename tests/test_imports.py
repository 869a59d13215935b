"""What is loaded when: on a Zero each of these libraries takes from a tenth of a second to two."""

import subprocess
import sys
from pathlib import Path

import pytest

FIRST_PICTURE = "import appliance.cli, appliance.app.run, appliance.screen.panels.oled"
READY = f"{FIRST_PICTURE}, appliance.app.wiring"

NOT_FOR_THE_FIRST_PICTURE = (
    "appliance.controller.controller",
    "appliance.streaming",
    "gpiozero",
    "numpy",
    "pyaudio",
    "requests",
    "sqlite3",
    "ssl",
    "websocket",
)
NOT_TO_BE_READY = ("luma.emulator", "numpy", "paho", "pocketsphinx", "requests", "ssl", "websocket")


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    root = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=root
    )
    return set(ran.stdout.split())


@pytest.fixture(scope="module")
def for_the_first_picture() -> set[str]:
    return loaded_by(FIRST_PICTURE)


@pytest.fixture(scope="module")
def to_be_ready() -> set[str]:
    return loaded_by(READY)


@pytest.mark.parametrize("module", NOT_FOR_THE_FIRST_PICTURE)
def test_the_first_picture_does_without(for_the_first_picture: set[str], module: str) -> None:
    assert {"luma.oled.device", "appliance.screen.render.renderer"} <= for_the_first_picture
    assert module not in for_the_first_picture


@pytest.mark.parametrize("module", NOT_TO_BE_READY)
def test_a_press_is_awaited_without(to_be_ready: set[str], module: str) -> None:
    assert {"appliance.controller.controller", "pyaudio"} <= to_be_ready
    assert module not in to_be_ready
