import smbus2

from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_bus import TimedBus
from tests.benchmarks.screen_replay import sent

OLED = DisplaySettings()
FRAME = 1034
"""Bytes that luma sends for 128x64 pixels: eight of addressing, two before the picture."""


def scene(text: str) -> Scene:
    return Scene(Mode.LISTENING, turns=(ShownTurn(text),))


def test_a_transfer_takes_nine_bits_a_byte_its_address_a_start_and_a_stop() -> None:
    slept: list[float] = []
    bus = TimedBus(hertz=100_000, sleep=slept.append)
    bus.i2c_rdwr(smbus2.i2c_msg.write(0x3C, [0x40, *range(8)]))
    assert slept == [(9 * 10 + 2) / 100_000]
    assert bus.bytes_sent == 10
    assert bus.nominal == slept[0]


def test_luma_sends_whole_pictures_and_the_appliance_only_what_changed() -> None:
    pictures = [Renderer().draw(scene("one")), Renderer().draw(scene("one two"))]
    assert sent(pictures, OLED, whole=True).bytes_sent == 2 * FRAME
    assert sent(pictures, OLED).bytes_sent < 1.3 * FRAME
