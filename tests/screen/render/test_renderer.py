import itertools

import pytest
from PIL import Image, ImageChops

from appliance.core.faults import Fault
from appliance.screen.burn_in import MARGIN, PLACES
from appliance.screen.render import icons
from appliance.screen.render.renderer import Renderer
from appliance.screen.render.status_bar import STATUS_HEIGHT
from appliance.screen.scene import Appearance, Mode, Scene, ShownTurn, Summary
from appliance.settings.schema import DisplaySettings

SIZES = [(128, 64), (128, 32), (256, 64), (128, 128), (64, 128), (64, 48)]
FAULT = Fault("Can't reach the service", "check the network")
TURNS = (ShownTurn("Good morning, everybody."), ShownTurn("The kitchen is closed", "on Friday"))


def differ(
    one: Scene, other: Scene, renderer: Renderer | None = None
) -> tuple[int, int, int, int] | None:
    """Return the box in which the pictures of two scenes differ."""
    renderer = renderer or Renderer()
    return ImageChops.logical_xor(renderer.draw(one), renderer.draw(other)).getbbox()


def lit(picture: Image.Image) -> int:
    return sum(picture.convert("L").histogram()[1:])


def test_the_same_scene_is_the_same_picture() -> None:
    scene = Scene(Mode.LISTENING, elapsed=12, level=0.5, turns=TURNS)
    assert Renderer().draw(scene).tobytes() == Renderer().draw(scene).tobytes()


@pytest.mark.parametrize("lines", range(2, 7))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", Mode)
def test_every_mode_has_a_picture_in_every_size(
    mode: Mode, size: tuple[int, int], lines: int
) -> None:
    scene = Scene(mode, turns=TURNS, waiting=42, fault=FAULT, summary=Summary(9, 9), hint="Press")
    picture = Renderer(*size, lines).draw(scene)
    assert picture.mode == "1"
    assert picture.size == size
    assert lit(picture) > 50


def test_every_mode_looks_different() -> None:
    pictures = {Renderer().draw(Scene(mode)).tobytes() for mode in Mode}
    assert len(pictures) == len(Mode)


def test_pictures_for_panels_on_their_side_are_upright() -> None:
    assert Renderer.for_settings(DisplaySettings(rotate=1)).size == (64, 128)
    assert Renderer.for_settings(DisplaySettings(rotate=2)).size == (128, 64)


def test_a_renderer_shows_as_many_lines_as_each_scene_asks_for() -> None:
    renderer = Renderer(lines=3)
    # Back and forth: an earlier number must not stay.
    for lines in (2, 5, 2, 3, None, 6):
        scene = Scene(Mode.LISTENING, turns=TURNS, appearance=Appearance(lines=lines))
        assert renderer.draw(scene).tobytes() == Renderer(lines=lines or 3).draw(scene).tobytes()


def test_level_and_time_move_in_the_status_bar_alone() -> None:
    quiet = Scene(Mode.LISTENING, elapsed=1, turns=TURNS)
    loud = Scene(Mode.LISTENING, elapsed=2, level=1.0, turns=TURNS)
    box = differ(quiet, loud)
    assert box
    assert box[3] <= STATUS_HEIGHT


def test_a_dead_microphone_shows_no_bars() -> None:
    pictures = [Renderer().draw(Scene(Mode.LISTENING, level=level / 10)) for level in range(11)]
    amounts = [lit(picture) for picture in pictures]
    assert amounts == sorted(amounts)
    assert amounts[-1] > amounts[0]


def test_captions_that_lag_say_by_how_much() -> None:
    keeping_up = Scene(Mode.LISTENING, turns=TURNS, waiting=1.9)
    assert differ(keeping_up, Scene(Mode.LISTENING, turns=TURNS)) is None
    box = differ(keeping_up, Scene(Mode.LISTENING, turns=TURNS, waiting=12))
    assert box
    assert box[3] <= STATUS_HEIGHT + 1  # the state's word, which may reach over, makes way


@pytest.mark.parametrize("lines", range(2, 7))
def test_a_fault_leaves_the_newest_words_to_be_read(lines: int) -> None:
    renderer = Renderer(lines=lines)
    fine = Scene(Mode.LISTENING, turns=(ShownTurn("Word"),))
    broken = Scene(Mode.LISTENING, turns=(ShownTurn("Word"),), fault=FAULT)
    box = differ(fine, broken, renderer)
    assert box
    word = renderer.draw(broken).crop((0, STATUS_HEIGHT, 128, box[1])).getbbox()
    assert word
    assert box[1] > STATUS_HEIGHT + word[3]


def test_a_message_that_needs_more_than_a_small_panel_takes_turns() -> None:
    renderer = Renderer(128, 32)
    pictures = {
        renderer.draw(Scene(Mode.CONNECTING, elapsed=second, waiting=9, fault=FAULT))
        .crop((0, STATUS_HEIGHT, 128, 32))
        .tobytes()
        for second in range(16)
    }
    assert len(pictures) == 2


@pytest.mark.parametrize("text", ["你好世界", "Grüße"])
def test_small_lines_grow_for_ideographs_alone(text: str) -> None:
    desk = Renderer(lines=6).draw(Scene(Mode.LISTENING, turns=(ShownTurn(text),)))
    body = desk.crop((0, STATUS_HEIGHT, 128, 64)).getbbox()
    assert body
    assert (body[3] - body[1] > 12) == (text == "你好世界")


@pytest.mark.parametrize("letter", ["\N{THUMBS UP SIGN}", "漢", "あ"])
@pytest.mark.parametrize("lines", [3, 4, 6])
def test_one_wide_letter_leaves_the_distance_of_the_lines_alone(letter: str, lines: int) -> None:
    renderer = Renderer(lines=lines)
    said = ["One line of it", "Another line", "The last one"]
    plain = renderer.draw(Scene(Mode.LISTENING, turns=tuple(map(ShownTurn, said))))
    said[1] += f" {letter}"
    wide = renderer.draw(Scene(Mode.LISTENING, turns=tuple(map(ShownTurn, said))))
    # Only what is right of the first word differs.
    assert plain.crop((0, 0, 40, 64)).tobytes() == wide.crop((0, 0, 40, 64)).tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_the_picture_is_moved_as_a_whole_and_nothing_of_it_is_lost(size: tuple[int, int]) -> None:
    renderer = Renderer(*size)
    scene = Scene(Mode.LISTENING, elapsed=12, level=0.5, turns=TURNS, fault=FAULT)
    width, height = size[0] - MARGIN[0], size[1] - MARGIN[1]
    still = renderer.draw(scene).crop((0, 0, width, height))
    for dx, dy in PLACES:
        moved = renderer.draw(scene, (dx, dy))
        assert moved.crop((dx, dy, dx + width, dy + height)).tobytes() == still.tobytes()
        assert lit(moved) == lit(still)


def test_the_network_is_seen_in_the_status_bar_by_the_shape_of_its_mark() -> None:
    box = differ(Scene(Mode.READY), Scene(Mode.READY, network=False))
    assert box
    assert box[3] <= STATUS_HEIGHT
    away = Renderer().draw(Scene(Mode.READY, network=False)).crop(box)
    assert away.tobytes() != Renderer().draw(Scene(Mode.READY)).crop(box).tobytes()


def test_a_first_connection_has_no_network_mark_until_there_is_a_fault() -> None:
    trying = Scene(Mode.CONNECTING, network=False)
    assert mark(trying) not in {icons.CONNECTED.tobytes(), icons.UNCONNECTED.tobytes()}
    failing = Scene(Mode.CONNECTING, network=False, fault=FAULT)
    assert mark(failing) == icons.UNCONNECTED.tobytes()
    assert mark(Scene(Mode.LISTENING)) == icons.CONNECTED.tobytes()


def test_the_fallback_has_a_mark_and_a_word_of_its_own() -> None:
    assert mark(Scene(Mode.LISTENING, on_fallback=True)) == icons.FALLBACK.tobytes()
    lost = Scene(Mode.RECONNECTING, on_fallback=True, network=False, fault=FAULT)
    assert mark(lost) == icons.UNCONNECTED.tobytes()
    assert differ(Scene(Mode.LISTENING), Scene(Mode.LISTENING, on_fallback=True))


def mark(scene: Scene) -> bytes:
    """Return the pixels at the end of the status bar."""
    return Renderer().draw(scene).crop((119, 1, 126, 8)).tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_a_countdown_to_switching_off_is_seen_whatever_is_shown(size: tuple[int, int]) -> None:
    renderer = Renderer(*size)
    for mode in (Mode.READY, Mode.CONNECTING, Mode.LISTENING, Mode.FINISHING):
        for turns in ((), TURNS):
            held = {
                renderer.draw(Scene(mode, turns=turns, power_off_in=left)).tobytes()
                for left in (0, 1, 2, 3)
            }
            assert len(held) == 4


def test_a_fault_that_hinders_nobody_says_how_to_start() -> None:
    plain = Scene(Mode.READY, fault=Fault("Can't save", "check the SD card"))
    inviting = Scene(Mode.READY, fault=plain.fault, hint="Press to start")
    for renderer in (Renderer(), Renderer(128, 32)):
        assert differ(plain, inviting, renderer)


def test_the_last_line_of_a_flat_panel_marks_tentative_words_too() -> None:
    renderer = Renderer(128, 32)
    settled = Scene(Mode.LISTENING, turns=(ShownTurn("One"), ShownTurn("two")))
    assert differ(
        settled, Scene(Mode.LISTENING, turns=(ShownTurn("One"), ShownTurn("", "two"))), renderer
    )


@pytest.mark.parametrize("lines", [3, 6])
def test_a_long_remedy_takes_turns_and_leaves_the_transcript_where_it_is(lines: int) -> None:
    renderer = Renderer(lines=lines)
    pictures = {}
    for remedy in ("short", " ".join(f"sentence {number}" for number in range(20))):
        fault = Fault("Settings: mistake", remedy)
        pictures[remedy] = [
            renderer.draw(Scene(Mode.LISTENING, elapsed=second, turns=TURNS, fault=fault))
            for second in range(0, 20, 2)
        ]
    transcripts = {
        picture.crop((0, STATUS_HEIGHT + 1, 128, 44)).tobytes()
        for picture in itertools.chain.from_iterable(pictures.values())
    }
    assert len(transcripts) == 1
    short, long = ({it.crop((0, 44, 128, 64)).tobytes() for it in pictures[of]} for of in pictures)
    assert len(short) == 1
    assert len(long) > 2
