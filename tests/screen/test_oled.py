import errno
import gc
import weakref

import luma.oled.device
import pytest
import smbus2
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from appliance.config import OLEDS, DisplaySettings
from appliance.screen.display import open_panel
from appliance.screen.oled import Oled
from appliance.screen.panel import Panel, PanelError
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.screen.view import View
from tests.rig.oled import Sh1106, Ssd1306

SCENE = Scene(Mode.LISTENING, elapsed=7, level=0.4, turns=(ShownTurn("Hello", "there"),))
DEFAULT = DisplaySettings()
MODULES = {"ssd1306": Ssd1306, "ssd1309": Ssd1306, "sh1106": Sh1106}


def opened(bus: Ssd1306, settings: DisplaySettings = DEFAULT) -> Panel:
    panel = open_panel(settings, bus=bus)
    assert panel
    return panel


def pixels(picture: Image.Image | None) -> bytes:
    assert picture
    return picture.convert("L").point(lambda value: 255 * bool(value)).tobytes()


def refusal(bus: Ssd1306 | None, settings: DisplaySettings = DEFAULT) -> str:
    with pytest.raises(PanelError) as caught:
        open_panel(settings, bus=bus)
    return str(caught.value.fault)


@pytest.mark.parametrize("driver", MODULES)
def test_the_glass_shows_the_picture(driver: str) -> None:
    module = MODULES[driver]()
    picture = View().draw(SCENE)
    opened(module, DisplaySettings(driver=driver)).show(SCENE, picture)
    assert pixels(module.image) == pixels(picture)


def test_a_flat_panel_shows_the_picture() -> None:
    module = Ssd1306(height=32)
    picture = View(128, 32).draw(SCENE)
    opened(module, DisplaySettings(height=32)).show(SCENE, picture)
    assert pixels(module.image) == pixels(picture)


@pytest.mark.parametrize("rotate", range(4))
def test_a_panel_can_be_mounted_any_way_round(rotate: int) -> None:
    module = Ssd1306()
    settings = DisplaySettings(rotate=rotate)
    picture = View.of(settings).draw(SCENE)
    opened(module, settings).show(SCENE, picture)
    assert pixels(module.image) == pixels(picture.rotate(-90 * rotate, expand=True))


def test_the_contrast_is_set() -> None:
    module = Ssd1306()
    opened(module, DisplaySettings(contrast=17))
    assert module.contrast == 17


def test_a_cleared_panel_is_dark_and_off() -> None:
    module = Ssd1306()
    panel = opened(module)
    panel.show(SCENE, View().draw(SCENE))
    panel.clear()
    panel.close()
    assert module.image.getbbox() is None
    assert not module.on


def test_a_panel_that_is_pulled_out_is_noticed_without_a_picture() -> None:
    module = Ssd1306()
    panel = opened(module)
    panel.check()
    module.unplug()
    with pytest.raises(PanelError):
        panel.check()


@pytest.mark.parametrize("number", [errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENXIO])
@pytest.mark.parametrize("transfer", range(5))
def test_every_error_of_the_bus_is_told_as_a_fault(number: int, transfer: int) -> None:
    module = Ssd1306()
    panel = opened(module)
    module.fail(*[0] * transfer, number)
    with pytest.raises(PanelError):
        panel.show(SCENE, View().draw(SCENE).point(lambda value: not value))


def test_a_missing_panel_is_told_with_its_address() -> None:
    told = refusal(Ssd1306(address=0x3D))
    assert "does not answer" in told
    assert "0x3c" in told


def test_a_size_that_the_driver_lacks_is_told() -> None:
    assert "no size 100x64" in refusal(Ssd1306(), DisplaySettings(width=100))


def test_a_missing_bus_is_told() -> None:
    assert "/dev/i2c-250" in refusal(None, DisplaySettings(port=250))


def test_the_driver_none_opens_nothing() -> None:
    assert open_panel(DisplaySettings(driver="none")) is None


def test_the_settings_allow_what_luma_has_that_shows_pictures() -> None:
    # These hang on eight data wires, and show letters.
    letters = {"winstar_weh", "ws0010"}
    assert sorted(OLEDS) == sorted(set(luma.oled.device.__all__) - letters)


def test_panels_that_come_and_go_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []
    start = luma.oled.device.ssd1306.__init__

    def remembered(device: object, *args: object, **kwargs: object) -> None:
        devices.append(weakref.ref(device))
        start(device, *args, **kwargs)

    monkeypatch.setattr(luma.oled.device.ssd1306, "__init__", remembered)
    module = Ssd1306()
    opened(module).close()
    module.fail(0, 0, errno.EIO)
    assert "does not answer" in refusal(module)
    gc.collect()
    assert len(devices) == 2
    assert [device() for device in devices] == [None, None]


@pytest.mark.parametrize("driver", MODULES)
def test_only_what_changed_is_sent(driver: str) -> None:
    module = MODULES[driver]()
    panel = opened(module, DisplaySettings(driver=driver))
    panel.show(SCENE, View().draw(SCENE))
    before = module.bytes_sent
    louder = Scene(Mode.LISTENING, elapsed=8, level=0.8, turns=SCENE.turns)
    panel.show(louder, View().draw(louder))
    assert module.bytes_sent - before < 80
    assert pixels(module.image) == pixels(View().draw(louder))


@pytest.mark.parametrize("driver", MODULES)
def test_a_panel_that_lost_its_power_unnoticed_is_healed_within_a_minute(driver: str) -> None:
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    picture = View().draw(SCENE)
    panel.show(SCENE, picture)
    module.plug()
    panel.check()
    assert pixels(module.image) != pixels(picture)
    now[0] += 60
    panel.check()
    assert pixels(module.image) == pixels(picture)


def test_the_refresh_does_not_switch_the_panel_off() -> None:
    module = Ssd1306()
    now = [0.0]
    panel = Oled(DEFAULT, bus=module, clock=lambda: now[0])
    panel.show(SCENE, View().draw(SCENE))
    seen = []
    module.watch = lambda: seen.append(module.on)
    now[0] += 60
    panel.check()
    assert seen
    assert all(seen)


pictures = st.lists(
    st.tuples(st.integers(0, 127), st.integers(0, 63), st.integers(1, 60), st.integers(1, 30)),
    max_size=4,
)


@pytest.mark.parametrize("driver", MODULES)
@given(shown=st.lists(st.tuples(pictures, st.integers(0, 12)), min_size=1, max_size=8))
def test_the_glass_ends_with_the_last_picture_whatever_the_bus_does(
    driver: str, shown: list[tuple[list[tuple[int, int, int, int]], int]]
) -> None:
    module = MODULES[driver]()
    settings = DisplaySettings(driver=driver)
    panel = opened(module, settings)
    for boxes, good_transfers in shown:
        picture = Image.new("1", (128, 64))
        for x, y, width, height in boxes:
            picture.paste(1, (x, y, x + width, y + height))
        module.fail(*[0] * good_transfers, errno.EIO)
        try:
            panel.show(SCENE, picture)
        except PanelError:
            module.fail()
            panel = opened(module, settings)
            panel.show(SCENE, picture)
    assert pixels(module.image) == pixels(picture)


def test_the_bus_of_the_machine_is_used_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Ssd1306()
    ports = []

    def bus(port: int) -> Ssd1306:
        ports.append(port)
        return module

    monkeypatch.setattr(smbus2, "SMBus", bus)
    panel = open_panel(DisplaySettings(port=3))
    assert panel
    picture = View().draw(SCENE)
    panel.show(SCENE, picture)
    panel.close()
    assert ports == [3]
    assert module.closed == 1
    assert pixels(module.image) == pixels(picture)
