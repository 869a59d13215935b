import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("luma.emulator", reason="luma.emulator is not installed")

ROOT = Path(__file__).parents[3]

PROGRAM = """
import pygame
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import PanelError
from appliance.screen.panels.window import WindowPanel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene

scene = Scene(Mode.READY)
panel = WindowPanel(lambda: print("closed"), scale=4)
try:
    panel.show(scene, Renderer().draw(scene))
    print("shown", pygame.display.get_surface().get_size())
    for brightness in (Brightness.ASLEEP, Brightness.AWAKE):
        panel.set_brightness(brightness)
        surface = pygame.display.get_surface()
        colours = {tuple(surface.get_at((x, 144))) for x in range(544)}
        print(pygame.display.get_caption()[0], "lit" if len(colours) > 1 else "dark")
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    panel.check()
    panel.check()
except PanelError as error:
    print(error.fault)
panel.close()
"""


def run(display: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": display}
    environment["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
    environment.pop("WAYLAND_DISPLAY", None)
    environment.pop("SDL_VIDEODRIVER", None)
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return program.stdout.splitlines()


@pytest.fixture
def desktop() -> Iterator[str]:
    """Start an X server of the test's own; return its display."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as number:
            yield f":{number.readline().strip()}"
        server.terminate()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("Xvfb"), reason="xvfb is not installed")
def test_a_window_shows_the_picture_sleeps_and_reports_once_when_it_is_closed(desktop: str) -> None:
    assert run(desktop) == [
        "shown (544, 288)",
        "appliance (asleep: a press wakes it) dark",
        "appliance lit",
        "closed",
    ]


@pytest.mark.slow
def test_without_a_desktop_it_says_so() -> None:
    [line] = run("")
    assert line.startswith("No desktop to open a window on: use the terminal screen")
