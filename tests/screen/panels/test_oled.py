import errno
import inspect
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import luma.oled.device
import pytest
import smbus2
from PIL import Image

from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.panels.oled import DIMMED_CONTRAST, Oled
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings.schema import OLEDS, DisplaySettings
from tests.rig.oled import MODULES, Ssd1306, pixels

ROOT = Path(__file__).parents[3]

PROGRAM = """
import atexit, sys
from tests.rig.oled import Ssd1306

module = Ssd1306()
# Runs after luma's handlers, which are registered later.
atexit.register(lambda: print(f"on {module.on}, lit {bool(module.image.getbbox())}"))

from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings

scene = Scene(Mode.STOPPING)
panel = open_panel(DisplaySettings(), bus=module)
panel.show(scene, Renderer().draw(scene))
if sys.argv[1:]:
    panel.close()
"""

SCENE = Scene(Mode.LISTENING, elapsed=7, level=0.4, turns=(ShownTurn("Hello", "there"),))
DEFAULT = DisplaySettings()


def opened(bus: Ssd1306, settings: DisplaySettings = DEFAULT) -> Panel:
    panel = open_panel(settings, bus=bus)
    assert panel
    return panel


def refusal(bus: Ssd1306 | None, settings: DisplaySettings = DEFAULT) -> str:
    with pytest.raises(PanelError) as caught:
        open_panel(settings, bus=bus)
    return str(caught.value.fault)


@pytest.mark.parametrize("driver", MODULES)
def test_the_oled_shows_the_picture(driver: str) -> None:
    module = MODULES[driver]()
    picture = Renderer().draw(SCENE)
    opened(module, DisplaySettings(driver=driver)).show(SCENE, picture)
    assert pixels(module.image) == pixels(picture)


@pytest.mark.parametrize("driver", MODULES)
def test_the_first_picture_is_all_that_is_sent_and_seen(driver: str) -> None:
    module = MODULES[driver]()
    panel = opened(module, DisplaySettings(driver=driver))
    panel.check()
    assert not module.on
    assert module.bytes_sent < 200
    panel.show(SCENE, Renderer().draw(SCENE))
    assert module.on


def test_a_flat_panel_shows_the_picture() -> None:
    module = Ssd1306(height=32)
    picture = Renderer(128, 32).draw(SCENE)
    opened(module, DisplaySettings(height=32)).show(SCENE, picture)
    assert pixels(module.image) == pixels(picture)


@pytest.mark.parametrize("rotate", range(4))
def test_a_panel_can_be_mounted_any_way_round(rotate: int) -> None:
    module = Ssd1306()
    settings = DisplaySettings(rotate=rotate)
    picture = Renderer.for_settings(settings).draw(SCENE)
    opened(module, settings).show(SCENE, picture)
    assert pixels(module.image) == pixels(picture.rotate(-90 * rotate, expand=True))


def test_the_contrast_is_set() -> None:
    module = Ssd1306()
    opened(module, DisplaySettings(contrast=17))
    assert module.contrast == 17


def test_a_cleared_panel_is_dark_and_off() -> None:
    module = Ssd1306()
    panel = opened(module)
    panel.show(SCENE, Renderer().draw(SCENE))
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
def test_every_error_of_the_bus_is_reported_as_a_fault(number: int, transfer: int) -> None:
    module = Ssd1306()
    panel = opened(module)
    module.fail(*[0] * transfer, number)
    with pytest.raises(PanelError):
        panel.show(SCENE, Renderer().draw(SCENE).point(lambda value: not value))


def test_a_missing_panel_is_reported_with_its_address() -> None:
    message = refusal(Ssd1306(address=0x3D))
    assert "does not answer" in message
    assert "0x3c" in message


def test_a_size_that_the_driver_lacks_is_reported() -> None:
    assert "no size 100x64" in refusal(Ssd1306(), DisplaySettings(width=100))


def test_a_missing_bus_is_reported() -> None:
    assert "/dev/i2c-250" in refusal(None, DisplaySettings(port=250))


def test_the_settings_allow_what_luma_has_that_shows_pictures() -> None:
    # These have a parallel bus, and show characters.
    letters = {"winstar_weh", "ws0010"}
    assert sorted(OLEDS) == sorted(set(luma.oled.device.__all__) - letters)


class AnyPanel:
    """I2C bus of any panel, which only records what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write_i2c_block_data(self, _: int, control: int, data: list[int]) -> None:
        self.sent.append(bytes([control, *data]))

    def i2c_rdwr(self, *messages: Iterable[int]) -> None:
        self.sent += [bytes(message) for message in messages]


@pytest.mark.parametrize(
    "driver", [driver for driver in OLEDS if driver not in {"ssd1325", *MODULES}]
)
def test_other_panels_get_initialisation_and_picture_again_in_a_session(driver: str) -> None:
    size = inspect.signature(getattr(luma.oled.device, driver)).parameters
    settings = DisplaySettings(
        driver=driver, width=size["width"].default, height=size["height"].default
    )
    bus, now = AnyPanel(), [0.0]
    panel = Oled(settings, bus=bus, clock=lambda: now[0])
    initialisation = [sent for sent in bus.sent if sent[1:] not in {b"\xae", b"\xaf"}]
    whole = sum(len(sent) for sent in bus.sent if len(sent) > 17)
    panel.show(SCENE, Renderer.for_settings(settings).draw(SCENE))
    bus.sent.clear()
    now[0] += 2.5
    panel.check()
    assert sum(len(sent) for sent in bus.sent if len(sent) > 17) == whole
    assert all(sent in bus.sent for sent in initialisation if len(sent) <= 2)
    bus.sent.clear()
    panel.check()
    assert len(b"".join(bus.sent)) < 20


@pytest.mark.parametrize("driver", [driver for driver in OLEDS if driver != "ssd1325"])
def test_every_panel_of_luma_can_show_dim_sleep_and_wake(driver: str) -> None:
    size = inspect.signature(getattr(luma.oled.device, driver)).parameters
    settings = DisplaySettings(
        driver=driver, width=size["width"].default, height=size["height"].default
    )
    bus = AnyPanel()
    panel = open_panel(settings, bus=bus)
    assert panel
    panel.show(SCENE, Renderer.for_settings(settings).draw(SCENE))
    sent = {}
    for brightness in Brightness:
        bus.sent.clear()
        panel.set_brightness(brightness)
        sent[brightness] = b"".join(bus.sent)
        panel.check()
    assert len(set(sent.values())) == len(Brightness)
    panel.clear()


def test_a_panel_that_luma_drives_on_spi_alone_is_reported() -> None:
    with pytest.raises(PanelError) as caught:
        open_panel(DisplaySettings(driver="ssd1325"), bus=AnyPanel())
    assert "does not work on I2C" in str(caught.value.fault)


def test_panels_that_come_and_go_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []
    start = luma.oled.device.ssd1306.__init__

    def remembered(device: object, *args: object, **kwargs: object) -> None:
        devices.append(device)
        start(device, *args, **kwargs)

    monkeypatch.setattr(luma.oled.device.ssd1306, "__init__", remembered)
    module = Ssd1306()
    opened(module).close()
    module.fail(0, 0, errno.EIO)
    assert "does not answer" in refusal(module)
    assert [vars(device) for device in devices] == [{}, {}]


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_the_picture_stays_when_the_program_has_ended(closed: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *["close"] * closed],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines() == ["on True, lit True"]


@pytest.mark.parametrize("driver", MODULES)
def test_only_what_changed_is_sent(driver: str) -> None:
    module = MODULES[driver]()
    panel = opened(module, DisplaySettings(driver=driver))
    panel.show(SCENE, Renderer().draw(SCENE))
    before = module.bytes_sent
    louder = Scene(Mode.LISTENING, elapsed=8, level=0.8, turns=SCENE.turns)
    panel.show(louder, Renderer().draw(louder))
    assert module.bytes_sent - before < 80
    assert pixels(module.image) == pixels(Renderer().draw(louder))


@pytest.mark.parametrize("driver", MODULES)
def test_a_panel_that_lost_its_power_unnoticed_is_repaired_within_a_minute(driver: str) -> None:
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    picture = Renderer().draw(SCENE)
    panel.show(SCENE, picture)
    module.plug()
    panel.check()
    assert pixels(module.image) != pixels(picture)
    now[0] += 60
    panel.check()
    assert pixels(module.image) == pixels(picture)


@pytest.mark.parametrize("pictures", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("reset_at", [0.0, 2.4, 2.6, 3.1, 3.6, 4.9])
@pytest.mark.parametrize("driver", MODULES)
def test_a_panel_that_was_reset_in_a_session_is_repaired_within_5_s(
    driver: str, reset_at: float, pictures: float
) -> None:
    """Pictures come so many seconds apart; the display checks the panel after one without."""
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    panel.show(SCENE, picture := Renderer().draw(SCENE))
    was_reset = False
    while now[0] < reset_at + 5.0 - (pictures or 1.0):
        now[0] += pictures or 1.0
        if not was_reset and now[0] > reset_at:
            module.plug()
            was_reset = True
        if pictures:
            scene = Scene(Mode.LISTENING, elapsed=int(now[0]), level=0.4, turns=SCENE.turns)
            panel.show(scene, picture := Renderer().draw(scene))
        else:
            panel.check()
    assert was_reset
    assert pixels(module.image) == pixels(picture)
    assert module.contrast == DEFAULT.contrast


@pytest.mark.parametrize("driver", MODULES)
def test_the_refresh_of_a_session_takes_a_twentieth_of_a_slow_bus(driver: str) -> None:
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    panel.show(SCENE, Renderer().draw(SCENE))
    before = module.bytes_sent
    for _ in range(600):
        now[0] += 0.1
        panel.show(SCENE, Renderer().draw(SCENE))
    assert (module.bytes_sent - before) / 60 < 100_000 / 9 / 20


def test_between_sessions_a_refresh_comes_once_a_minute() -> None:
    module = Ssd1306()
    now = [0.0]
    panel = Oled(DEFAULT, bus=module, clock=lambda: now[0])
    panel.show(Scene(Mode.READY), Renderer().draw(Scene(Mode.READY)))
    before = module.bytes_sent
    for _ in range(59):
        now[0] += 1
        panel.check()
    assert module.bytes_sent - before < 59 * 10


def test_the_refresh_does_not_switch_the_panel_off() -> None:
    module = Ssd1306()
    now = [0.0]
    panel = Oled(DEFAULT, bus=module, clock=lambda: now[0])
    panel.show(SCENE, Renderer().draw(SCENE))
    seen = []
    module.on_transfer = lambda: seen.append(module.on)
    now[0] += 60
    panel.check()
    assert seen
    assert all(seen)


@pytest.mark.parametrize("driver", MODULES)
def test_a_dimmed_panel_shows_its_picture_with_low_contrast(driver: str) -> None:
    module = MODULES[driver]()
    panel = opened(module, DisplaySettings(driver=driver, contrast=200))
    picture = Renderer().draw(SCENE)
    panel.show(SCENE, picture)
    panel.set_brightness(Brightness.DIMMED)
    assert (module.contrast, pixels(module.image)) == (DIMMED_CONTRAST, pixels(picture))
    panel.set_brightness(Brightness.AWAKE)
    assert module.contrast == 200


def test_a_panel_that_is_dark_by_its_settings_is_not_brightened_by_dimming() -> None:
    module = Ssd1306()
    opened(module, DisplaySettings(contrast=3)).set_brightness(Brightness.DIMMED)
    assert module.contrast == 3


@pytest.mark.parametrize("driver", MODULES)
def test_a_sleeping_panel_is_dark_and_keeps_its_picture(driver: str) -> None:
    module = MODULES[driver]()
    panel = opened(module, DisplaySettings(driver=driver))
    panel.show(SCENE, Renderer().draw(SCENE))
    panel.set_brightness(Brightness.ASLEEP)
    assert not module.on
    before = module.bytes_sent
    panel.set_brightness(Brightness.AWAKE)
    assert pixels(module.image) == pixels(Renderer().draw(SCENE))
    assert module.bytes_sent - before < 10


@pytest.mark.parametrize("brightness", [Brightness.DIMMED, Brightness.ASLEEP])
@pytest.mark.parametrize("driver", MODULES)
def test_neither_check_nor_refresh_wakes_a_resting_panel(
    driver: str, brightness: Brightness
) -> None:
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    panel.show(SCENE, Renderer().draw(SCENE))
    panel.set_brightness(brightness)
    seen = set()
    module.on_transfer = lambda: seen.add((module.on, module.contrast))
    for _ in range(3):
        panel.check()
        now[0] += 60
    assert seen == {(brightness is Brightness.DIMMED, module.contrast)}
    assert module.contrast == DIMMED_CONTRAST or brightness is Brightness.ASLEEP


@pytest.mark.parametrize("brightness", Brightness)
def test_a_panel_that_lost_its_power_comes_back_as_bright_as_it_was(brightness: Brightness) -> None:
    module = Ssd1306()
    now = [0.0]
    panel = Oled(DEFAULT, bus=module, clock=lambda: now[0])
    panel.show(SCENE, Renderer().draw(SCENE))
    panel.set_brightness(brightness)
    module.plug()
    now[0] += 60
    panel.check()
    assert module.on == (brightness is not Brightness.ASLEEP)
    panel.set_brightness(Brightness.AWAKE)
    assert pixels(module.image) == pixels(Renderer().draw(SCENE))


@pytest.mark.parametrize("driver", MODULES)
def test_a_panel_that_lost_its_power_is_repaired_while_pictures_come(driver: str) -> None:
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    panel.show(SCENE, Renderer().draw(SCENE))
    module.plug()
    now[0] += 60
    for second in range(8):  # each picture brings a page
        later = Scene(Mode.LISTENING, elapsed=67 + second, turns=SCENE.turns)
        panel.show(later, Renderer().draw(later))
    assert pixels(module.image) == pixels(Renderer().draw(later))
    assert module.contrast == DEFAULT.contrast


@pytest.mark.parametrize("driver", MODULES)
def test_the_refresh_makes_no_picture_much_longer(driver: str) -> None:
    module = MODULES[driver]()
    now = [0.0]
    panel = Oled(DisplaySettings(driver=driver), bus=module, clock=lambda: now[0])
    panel.show(SCENE, Renderer().draw(SCENE))
    whole = module.bytes_sent
    now[0] += 60
    for second in range(8):
        before = module.bytes_sent
        later = Scene(Mode.LISTENING, elapsed=8 + second, turns=SCENE.turns)
        panel.show(later, Renderer().draw(later))
        assert module.bytes_sent - before < whole / 3


@pytest.mark.parametrize("driver", MODULES)
def test_after_an_error_all_of_the_next_picture_is_sent(driver: str) -> None:
    module = MODULES[driver]()
    panel = opened(module, DisplaySettings(driver=driver))
    panel.show(SCENE, Renderer().draw(SCENE))
    whole = Image.new("1", (128, 64), 1)
    module.fail(0, 0, 0, errno.EIO, after=50)
    with pytest.raises(PanelError):
        panel.show(SCENE, whole)
    panel.show(SCENE, Renderer().draw(SCENE))
    assert pixels(module.image) == pixels(Renderer().draw(SCENE))


def test_a_sleeping_panel_that_is_pulled_out_is_noticed() -> None:
    module = Ssd1306()
    panel = opened(module)
    panel.set_brightness(Brightness.ASLEEP)
    module.unplug()
    with pytest.raises(PanelError):
        panel.check()


def test_the_bus_of_the_machine_is_used_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Ssd1306()
    ports = []

    def bus(port: int) -> Ssd1306:
        ports.append(port)
        return module

    monkeypatch.setattr(smbus2, "SMBus", bus)
    panel = open_panel(DisplaySettings(port=3))
    assert panel
    picture = Renderer().draw(SCENE)
    panel.show(SCENE, picture)
    panel.close()
    assert ports == [3]
    assert module.closed == 1
    assert pixels(module.image) == pixels(picture)
