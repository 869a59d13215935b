"""The OLED: a pattern that somebody can look at, and darkness afterwards."""

import time
from collections.abc import Callable

from PIL import Image, ImageDraw

from appliance.maintenance.doctor.result import CheckResult, failed, failing, fine, not_tried
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings

LONG, SHORT = 3.0, 0.5
"""Seconds for which the pattern shows: for somebody to look at, or for nobody."""

ASK = "Look at the OLED: a frame that is whole, with a cross in it, upright and sharp."


def examine(
    settings: Settings,
    ask: Callable[[str], None] | None = None,
    *,
    open_panel: Callable[[DisplaySettings], Panel | None] = open_panel,
    sleep: Callable[[float], None] = time.sleep,
) -> CheckResult:
    """Tell whether the OLED takes a picture.

    Args:
        settings: which OLED, and whether there is a light beside it.
        ask: tells a person what to look at; None where nobody does.
        open_panel: opens the panel.
        sleep: lets so many seconds pass.
    """
    display = settings.display
    if display.driver == "terminal":
        return not_tried("the screen is the terminal")
    if display.driver == "none" and settings.light.pin == "none":
        found = "neither screen nor light: no session starts, as nobody could see it"
        return failed(found, "set driver under [display], or pin under [light]")
    if display.driver == "none":
        return not_tried("the settings have none; the light tells what goes on")
    try:
        _show_pattern(display, ask, open_panel, sleep)
    except PanelError as error:
        return failing(error.fault)
    address = f" {display.address:#04x}" if display.interface == "i2c" else ""
    place = f"{display.interface} {display.port}{address}"
    return fine(f"{display.driver} at {place} took a pattern, and is dark again")


def pattern(size: tuple[int, int]) -> Image.Image:
    """Return a frame around the whole panel, with a cross in it (mode "1").

    A side that is missing, doubled or noisy tells of a wrong driver, width or height.
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
    ask: Callable[[str], None] | None,
    open_panel: Callable[[DisplaySettings], Panel | None],
    sleep: Callable[[float], None],
) -> None:
    panel = open_panel(settings)
    if panel is None:
        return
    try:
        panel.show(Scene(Mode.STARTING), pattern(Renderer.for_settings(settings).size))
        if ask:
            ask(ASK)
        sleep(LONG if ask else SHORT)
        panel.clear()
    finally:
        panel.close()
