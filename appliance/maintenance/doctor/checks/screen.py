"""Check of the OLED: it shows a test pattern, and is dark afterwards."""

import time
from collections.abc import Callable, Iterator

from PIL import Image, ImageDraw

from appliance.core.faults import Part
from appliance.maintenance.doctor.appliance_status import REPORTED, RESTART, fault_of
from appliance.maintenance.doctor.context import Context, Prompt
from appliance.maintenance.doctor.result import CheckResult, failed, faulty, fine, not_tried
from appliance.maintenance.doctor.runner import Check
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings
from appliance.system.status_file import Condition

LOOKING_TIME = 3.0
"""Seconds for which a person sees the pattern."""

GLANCE_TIME = 0.5
"""Seconds for which the pattern shows if nobody looks."""

PROMPT = "Look at the OLED: a frame that is whole, with a cross in it, upright and sharp."


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the OLED."""
    settings, machine, prompt = context.settings, context.machine, context.prompt
    yield context.check_of_device(
        "OLED",
        lambda: check_screen(settings, prompt, open_panel=machine.open_panel, sleep=machine.sleep),
        reported_screen,
        time_limit=8,
    )


def check_screen(
    settings: Settings,
    prompt: Prompt | None = None,
    *,
    open_panel: Callable[[DisplaySettings], Panel | None] = open_panel,
    sleep: Callable[[float], None] = time.sleep,
) -> CheckResult:
    """Check that the OLED takes a picture.

    Args:
        settings: which OLED, and whether there is a status LED beside it.
        prompt: tells a person what to look at; None if there is nobody.
        open_panel: opens the panel.
        sleep: waits so many seconds.
    """
    display = settings.display
    if display.driver == "terminal":
        return not_tried("the screen is the terminal")
    if display.driver == "none" and settings.light.pin == "none":
        found = "neither screen nor light: no session starts, as nobody could see it"
        return failed(found, "set driver under [display], or pin under [light]")
    if display.driver == "none":
        return not_tried("the settings have none; the light shows the state")
    try:
        _show_pattern(display, prompt, open_panel, sleep)
    except PanelError as error:
        return faulty(error.fault)
    address = f" {display.address:#04x}" if display.interface == "i2c" else ""
    place = f"{display.interface} {display.port}{address}"
    return fine(f"{display.driver} at {place} took a pattern, and is dark again")


def reported_screen(status: Condition) -> CheckResult:
    """Return whether the screen of a running appliance shows pictures."""
    if fault := fault_of(status, Part.SCREEN):
        return fault
    screen = status.screen
    if screen.driver == "none":
        return not_tried(f"the settings have none ({REPORTED})")
    if not screen.shows:
        return failed(f"{screen.driver} shows nothing ({REPORTED})", RESTART)
    return fine(f"{screen.driver} shows pictures, {screen.frames} until now ({REPORTED})")


def pattern(size: tuple[int, int]) -> Image.Image:
    """Return a frame around the whole panel, with a cross in it (mode "1").

    A side that is missing, doubled or noisy shows a wrong driver, width or height.
    """
    right, bottom = size[0] - 1, size[1] - 1
    picture = Image.new("1", size)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, right, bottom), outline=1)
    draw.line((0, 0, right, bottom), fill=1)
    draw.line((0, bottom, right, 0), fill=1)
    return picture


def _show_pattern(
    settings: DisplaySettings,
    prompt: Prompt | None,
    open_panel: Callable[[DisplaySettings], Panel | None],
    sleep: Callable[[float], None],
) -> None:
    panel = open_panel(settings)
    if panel is None:
        return
    try:
        panel.show(Scene(Mode.STARTING), pattern(Renderer.for_settings(settings).size))
        if prompt:
            prompt(PROMPT)
        sleep(LOOKING_TIME if prompt else GLANCE_TIME)
        panel.clear()
    finally:
        panel.close()
