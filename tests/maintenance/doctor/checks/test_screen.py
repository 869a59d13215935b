import functools

import msgspec
import pytest
from PIL import Image

from appliance.maintenance.doctor.checks import screen
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.screen.panels.factory import open_panel
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings, StatusLedSettings
from tests.rig.oled import Sh1106, Ssd1306

SETTINGS = Settings()


def checked(oled: Ssd1306, seen: list[Image.Image], settings: Settings = SETTINGS) -> CheckResult:
    return screen.check_screen(
        settings,
        open_panel=functools.partial(open_panel, bus=oled),
        sleep=lambda _: seen.append(oled.image),
    )


def shown_on(driver: str, **display: int) -> Settings:
    changed = msgspec.structs.replace(SETTINGS.display, driver=driver, **display)
    return msgspec.structs.replace(SETTINGS, display=changed)


def test_the_oled_shows_a_pattern_and_is_dark_afterwards() -> None:
    oled = Ssd1306()
    seen: list[Image.Image] = []
    found = checked(oled, seen)
    assert found.result is Result.FINE
    assert found.found == "ssd1306 at i2c 1 0x3c took a pattern, and is dark again"
    assert [image.tobytes() for image in seen] == [screen.pattern((128, 64)).tobytes()]
    assert not oled.on
    assert not any(map(any, oled.memory))


@pytest.mark.parametrize(
    ("oled", "settings"),
    [
        (Sh1106(), shown_on("sh1106")),
        (Ssd1306(), shown_on("ssd1309")),
        (Ssd1306(height=32), shown_on("ssd1306", height=32)),
    ],
)
def test_every_panel_shows_it_whole(oled: Ssd1306, settings: Settings) -> None:
    seen: list[Image.Image] = []
    assert checked(oled, seen, settings).result is Result.FINE
    assert seen[0].tobytes() == screen.pattern(oled.size).tobytes()


def test_a_panel_on_its_side_shows_it_too() -> None:
    seen: list[Image.Image] = []
    assert checked(Ssd1306(), seen, shown_on("ssd1306", rotate=1)).result is Result.FINE
    assert seen[0].getpixel((0, 0)), "the frame reaches every corner"


def test_an_oled_that_is_not_there_is_reported_in_the_words_of_the_appliance() -> None:
    oled = Ssd1306()
    oled.unplug()
    seen: list[Image.Image] = []
    found = checked(oled, seen)
    assert found.result is Result.FAILED
    assert found.found.startswith("The OLED does not answer (ssd1306 on /dev/i2c-1, address 0x3c")
    assert "wires" in found.remedy
    assert not seen


def test_the_person_is_asked_to_look_while_it_shows() -> None:
    oled = Ssd1306()
    lit: list[bool] = []
    screen.check_screen(
        SETTINGS,
        lambda _: lit.append(oled.on),
        open_panel=functools.partial(open_panel, bus=oled),
        sleep=lambda _: None,
    )
    assert lit == [True]


def test_without_screen_and_light_no_session_could_start() -> None:
    nothing = msgspec.structs.replace(SETTINGS, display=DisplaySettings(driver="none"))
    assert screen.check_screen(nothing).result is Result.FAILED
    lit = msgspec.structs.replace(nothing, light=StatusLedSettings(pin=27))
    assert screen.check_screen(lit).result is Result.NOT_TRIED


def test_a_terminal_needs_no_pattern() -> None:
    assert screen.check_screen(shown_on("terminal")).result is Result.NOT_TRIED
