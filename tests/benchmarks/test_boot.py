from pathlib import Path

import pytest
from PIL import Image

from tests.benchmarks.boot import Row, by_package, figures
from tests.benchmarks.boot_runs import (
    Import,
    Reached,
    Start,
    bare_import,
    start_appliance,
    watched_imports,
)
from tests.benchmarks.boot_trace import (
    Moment,
    Picture,
    Transfer,
    import_times,
    pictures,
    shown,
    transfers,
)
from tests.rig.sound import PipeMicrophone

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


def test_a_trace_is_read_as_it_was_written() -> None:
    assert list(transfers(["12.500000 0.250000 00ae"])) == [Transfer(Moment(12.5, 0.25), b"\0\xae")]


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


def test_the_slowest_packages_are_reported_stage_by_stage() -> None:
    stages = {
        "first": ["import time:      2000 |       2000 | PIL"],
        "then": [
            "import time:      3000 |       3000 | gpiozero",
            "import time:       500 |       500 | PIL.ImageFile",
        ],
    }
    headings, _, *rows = by_package(stages).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in (headings, *rows)]
    assert cells == [
        ["imports, ms", "first", "then"],
        ["gpiozero", "0.0", "3.0"],
        ["PIL", "2.0", "0.5"],
        ["all", "2.0", "3.5"],
    ]


def test_imports_are_watched_statement_by_statement() -> None:
    first, then = map(import_times, watched_imports(["import colorsys", "import wave, colorsys"]))
    assert ("colorsys" in first, "wave" in first) == (True, False)
    assert ("colorsys" in then, "wave" in then) == (False, True)


def test_times_stand_beside_the_yardsticks() -> None:
    row = Row("first picture", 0.3, 0.1).cells(Row("all three", 0.2, 0.1, 28.0))
    assert row == ("first picture", "0.300", "0.100", "", "1.50", "1.00")


def test_figures_are_medians_beside_the_last_import() -> None:
    def start(seconds: float) -> Start:
        reached = Reached(seconds, seconds / 2)
        return Start(reached, reached, reached, cpu=seconds, memory=50.0)

    imports = {"python alone": [Import(Reached(0.1, 0.1), 10.0)] * 3}
    lines = figures(imports, [start(0.2), start(0.9), start(0.3)]).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[3] == ["first picture", "0.300", "0.150", "", "3.00", "1.50"]
    assert cells[-1] == ["at rest", "", "0.300", "50.0", "", "3.00"]


@pytest.mark.slow
def test_the_program_is_measured_as_it_starts(sound: PipeMicrophone, tmp_path: Path) -> None:
    start = start_appliance(tmp_path / "start")
    assert 0 < start.first_picture.seconds <= start.ready_picture.seconds
    assert 0 < start.first_picture.cpu <= start.ready_picture.cpu <= start.cpu
    assert start.memory > 0


def test_an_import_is_measured() -> None:
    bare = bare_import("pass")
    assert bare.reached.cpu > 0
    assert bare.reached.seconds > 0
    assert bare.memory < bare_import("import email.message, decimal, ssl").memory
