import pytest
from PIL import Image

from tests.benchmarks.boot_trace import (
    Moment,
    Picture,
    Transfer,
    import_times,
    pictures,
    shown,
)

SWITCHED_ON = bytes([0x00, 0x8D, 0x14, 0xAF, 0x20, 0x00, 0xA1, 0xC8])
"""Charge pump, display on, horizontal addressing, upright: data sheet, section 9."""


def at(seconds: float) -> Moment:
    return Moment(seconds, seconds / 2)


def picture(seconds: float, *names: str) -> Picture:
    """Return a picture that has these words on it, whatever it looks like."""
    image = Image.new("1", (8, 8))
    image.info["words"] = set(names)
    return Picture(at(seconds), image)


def words_on(image: Image.Image) -> set[str]:
    words: set[str] = image.info["words"]
    return words


def test_each_transfer_that_changes_something_makes_a_picture() -> None:
    blank = Transfer(at(2), b"\x40" + bytes(1024))
    dot = Transfer(at(3), b"\x40\x01")
    same = Transfer(at(4), SWITCHED_ON)
    noise, dark, dotted = pictures([Transfer(at(1), SWITCHED_ON), blank, dot, same])
    assert noise.image.getbbox()
    assert dark == (at(2), Image.new("1", (128, 64)))
    assert (dotted.moment, dotted.image.getbbox()) == (at(3), (0, 0, 1, 1))


def test_a_picture_is_complete_with_its_last_piece() -> None:
    seen = [
        picture(1.00),
        picture(1.02, "ready"),
        picture(1.04, "ready"),
        picture(1.06, "ready", "press"),
        picture(9.00, "ready", "press"),
    ]
    assert shown(seen, {"ready"}, words_on) == at(1.06)


def test_any_of_the_words_will_do() -> None:
    seen = [picture(1, "starting"), picture(2, "ready")]
    assert shown(seen, {"starting", "ready"}, words_on) == at(1)


def test_words_that_never_came_are_missed() -> None:
    assert shown([picture(1, "starting")], {"ready"}, words_on) is None


def test_imports_are_added_up_by_package() -> None:
    log = [
        "import time: self [us] | cumulative | imported package",
        "import time:      1500 |       1500 |     PIL._imaging",
        "import time:       500 |       2000 |   PIL",
        "12:00:00 INFO    appliance.app.run: settings: import time: 5 | 5 | nothing",
        "import time:       250 |       2250 | luma.oled.device",
    ]
    assert import_times(log) == pytest.approx({"PIL": 0.002, "luma": 0.00025})
