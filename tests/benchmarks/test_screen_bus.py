import smbus2
from PIL import Image

from appliance.screen.panels.oled import Oled
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_bus import TimedBus, in_place_of_smbus
from tests.benchmarks.screen_replay import drawn, panel_picture, sent

OLED = DisplaySettings()
FRAME = 1034
"""Bytes that luma sends for 128x64 pixels: eight of addressing, two before the picture."""


def scene(text: str) -> Scene:
    return Scene(Mode.LISTENING, turns=(ShownTurn(text),))


def pixels(picture: Image.Image) -> bytes:
    return picture.convert("L").point(lambda value: 255 * bool(value)).tobytes()


def test_a_transfer_takes_nine_bits_a_byte_its_address_a_start_and_a_stop() -> None:
    slept: list[float] = []
    bus = TimedBus(hertz=100_000, sleep=slept.append)
    bus.i2c_rdwr(smbus2.i2c_msg.write(0x3C, [0x40, *range(8)]))
    assert slept == [(9 * 10 + 2) / 100_000]
    assert bus.bytes_sent == 10
    assert bus.nominal == slept[0]


def test_all_ways_to_send_take_their_time() -> None:
    slept: list[float] = []
    bus = TimedBus(sleep=slept.append)
    bus.write_i2c_block_data(0x3C, 0x00, [0xAE, 0xAF])
    bus.i2c_rdwr(smbus2.i2c_msg.write(0x3C, [0x00, 0xAE, 0xAF]))
    bus.write_byte(0x3C, 0x00)
    assert slept[0] == slept[1] > slept[2] > 0
    assert [bytes(transfer) for transfer in bus.transfers] == [b"\0\xae\xaf", b"\0\xae\xaf", b"\0"]


def test_smbus_is_itself_again_afterwards() -> None:
    real, bus = smbus2.SMBus, TimedBus()
    with in_place_of_smbus(bus):
        opened: object = smbus2.SMBus(1)
        assert opened is bus
    assert smbus2.SMBus is real


def test_luma_sends_whole_pictures_and_the_appliance_only_what_changed() -> None:
    pictures = [Renderer().draw(scene("one")), Renderer().draw(scene("one two"))]
    assert sent(pictures, OLED, whole=True).bytes_sent == 2 * FRAME
    assert sent(pictures, OLED).bytes_sent < 1.3 * FRAME


def test_pictures_that_look_alike_are_drawn_once() -> None:
    pictures, cpu = drawn([scene("one"), scene("one"), scene("one two")], OLED)
    assert len(pictures) == len(cpu) == 2


def test_the_picture_can_be_read_from_what_went_over_the_bus() -> None:
    for settings in (OLED, DisplaySettings(driver="sh1106"), DisplaySettings(height=32)):
        bus, renderer = TimedBus(hertz=0), Renderer.for_settings(settings)
        with in_place_of_smbus(bus):
            oled = Oled(settings)
        for text in ("one", "one two"):
            oled.show(scene(text), renderer.draw(scene(text)))
        assert pixels(panel_picture(bus.transfers, settings)) == pixels(
            renderer.draw(scene("one two"))
        )
