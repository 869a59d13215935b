"""Replay of scenes, without the network and with no time on the bus, for the cost of each."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from PIL import Image

from appliance.screen.burn_in import Brightness
from appliance.screen.panels.oled import Oled
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_bus import TimedBus, in_place_of_smbus
from tests.rig.oled import Sh1106, Ssd1306


def let_luma_send(oled: Oled) -> None:
    """Let luma send each picture whole, as it does for anybody."""
    vars(oled).update(_send=None, _blank=False)
    oled.set_brightness(Brightness.AWAKE)  # luma has sent a blank picture by then, and switches on


class Cost(NamedTuple):
    """Cost of pictures: CPU milliseconds of each, and bytes on the wire of all."""

    cpu: list[float]
    bytes_sent: int


def drawn(
    scenes: Iterable[Scene], settings: DisplaySettings
) -> tuple[list[Image.Image], list[float]]:
    """Return the scenes' pictures and the CPU milliseconds that each took.

    Pictures that look like the one before are left out, as the display does.
    """
    renderer = Renderer.for_settings(settings)
    pictures: list[Image.Image] = []
    cpu: list[float] = []
    for scene in scenes:
        began_at = time.thread_time()
        picture = renderer.draw(scene)
        pixels = picture.tobytes()
        spent = time.thread_time() - began_at
        if not pictures or pixels != pictures[-1].tobytes():
            pictures.append(picture)
            cpu.append(spent * 1000)
    return pictures, cpu


def sent(
    pictures: Sequence[Image.Image], settings: DisplaySettings, *, whole: bool = False
) -> Cost:
    """Send the pictures to an OLED on a bus that takes no time: only what changed, or `whole`."""
    bus = TimedBus(hertz=0)
    with in_place_of_smbus(bus):
        oled = Oled(settings)
    if whole:
        let_luma_send(oled)
    before = bus.bytes_sent
    cpu = []
    for picture in pictures:
        began_at = time.thread_time()
        oled.show(Scene(Mode.LISTENING), picture)
        cpu.append((time.thread_time() - began_at) * 1000)
    return Cost(cpu, bus.bytes_sent - before)


def panel_picture(transfers: Iterable[Any], settings: DisplaySettings) -> Image.Image:
    """Return what an OLED shows that got all these transfers."""
    controller = Sh1106 if settings.driver == "sh1106" else Ssd1306
    module = controller(settings.address, settings.height)
    module.i2c_rdwr(*transfers)
    return module.image
