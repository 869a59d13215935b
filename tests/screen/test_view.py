import pytest
from PIL import Image, ImageChops

from appliance.config import DisplaySettings
from appliance.events import Fault
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary
from appliance.screen.view import STATUS_HEIGHT, View

SIZES = [(128, 64), (128, 32), (256, 64), (128, 128), (64, 128), (64, 48)]
FAULT = Fault("Can't reach the service", "check the network")
TURNS = (ShownTurn("Good morning, everybody."), ShownTurn("The kitchen is closed", "on Friday"))


def differ(one: Scene, other: Scene, view: View | None = None) -> tuple[int, int, int, int] | None:
    """Return the box in which the pictures of two scenes differ."""
    view = view or View()
    return ImageChops.logical_xor(view.draw(one), view.draw(other)).getbbox()


def lit(picture: Image.Image) -> int:
    return sum(picture.convert("L").histogram()[1:])


def test_the_same_scene_is_the_same_picture() -> None:
    scene = Scene(Mode.LISTENING, elapsed=12, level=0.5, turns=TURNS)
    assert View().draw(scene).tobytes() == View().draw(scene).tobytes()


@pytest.mark.parametrize("lines", range(2, 7))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", Mode)
def test_every_mode_has_a_picture_in_every_size(
    mode: Mode, size: tuple[int, int], lines: int
) -> None:
    scene = Scene(mode, turns=TURNS, waiting=42, fault=FAULT, summary=Summary(9, 9), hint="Press")
    picture = View(*size, lines).draw(scene)
    assert picture.mode == "1"
    assert picture.size == size
    assert lit(picture) > 50


def test_every_mode_looks_different() -> None:
    pictures = {View().draw(Scene(mode)).tobytes() for mode in Mode}
    assert len(pictures) == len(Mode)


def test_panels_on_their_side_are_drawn_upright() -> None:
    assert View.of(DisplaySettings(rotate=1)).size == (64, 128)
    assert View.of(DisplaySettings(rotate=2)).size == (128, 64)


def test_level_and_time_move_in_the_status_line_alone() -> None:
    quiet = Scene(Mode.LISTENING, elapsed=1, turns=TURNS)
    loud = Scene(Mode.LISTENING, elapsed=2, level=1.0, turns=TURNS)
    box = differ(quiet, loud)
    assert box
    assert box[3] <= STATUS_HEIGHT


def test_a_dead_microphone_shows_no_bars() -> None:
    pictures = [View().draw(Scene(Mode.LISTENING, level=level / 10)) for level in range(11)]
    amounts = [lit(picture) for picture in pictures]
    assert amounts == sorted(amounts)
    assert amounts[-1] > amounts[0]


def test_captions_that_lag_say_by_how_much() -> None:
    keeping_up = Scene(Mode.LISTENING, turns=TURNS, waiting=1.9)
    assert differ(keeping_up, Scene(Mode.LISTENING, turns=TURNS)) is None
    box = differ(keeping_up, Scene(Mode.LISTENING, turns=TURNS, waiting=12))
    assert box
    assert box[3] <= STATUS_HEIGHT


@pytest.mark.parametrize("lines", range(2, 7))
def test_a_fault_leaves_the_newest_words_to_be_read(lines: int) -> None:
    view = View(lines=lines)
    fine = Scene(Mode.LISTENING, turns=(ShownTurn("Word"),))
    broken = Scene(Mode.LISTENING, turns=(ShownTurn("Word"),), fault=FAULT)
    box = differ(fine, broken, view)
    assert box
    word = view.draw(broken).crop((0, STATUS_HEIGHT, 128, box[1])).getbbox()
    assert word
    assert box[1] > STATUS_HEIGHT + word[3]


def test_a_message_that_needs_more_than_a_small_panel_takes_turns() -> None:
    view = View(128, 32)
    pictures = {
        view.draw(Scene(Mode.CONNECTING, elapsed=second, waiting=9, fault=FAULT))
        .crop((0, STATUS_HEIGHT, 128, 32))
        .tobytes()
        for second in range(16)
    }
    assert len(pictures) == 2


@pytest.mark.parametrize("text", ["你好世界", "Grüße"])
def test_small_lines_grow_for_ideographs_alone(text: str) -> None:
    desk = View(lines=6).draw(Scene(Mode.LISTENING, turns=(ShownTurn(text),)))
    body = desk.crop((0, STATUS_HEIGHT, 128, 64)).getbbox()
    assert body
    assert (body[3] - body[1] > 12) == (text == "你好世界")
