from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from appliance.screen.render.fonts import typeface
from appliance.screen.render.line import Line, draw_line, least_width, line_start
from appliance.screen.render.speaker_marks import mark_of
from appliance.screen.render.text_layout import latest_lines
from appliance.screen.scene import DASH, ShownTurn

HEBREW = "בוקר טוב לכולם"
WIDTHS = st.sampled_from([64, 128, 256])
PITCHES = st.sampled_from([9, 12, 18, 26])
WORDS = st.text("abcdefghilmnorstuvwyÄéßЖλ,.", min_size=1, max_size=12)
MARKS = st.sampled_from([(DASH,), ("A",), ("B2",), ("Anna", "A"), ("Bartholomew", "B"), ("G",)])
ALL = ((DASH,), ("A",), ("B2",), ("Anna", "A"), ("Bartholomew", "B"), ("G",))


def words_of(lines: Sequence[Line]) -> list[list[str]]:
    """Return the words of each line without its mark; no line that holds a mark alone."""
    texts = [[word.text for word in line if not word.mark] for line in lines]
    return [line for line in texts if line]


@given(st.lists(WORDS, min_size=1, max_size=30), MARKS, WIDTHS, PITCHES)
@example(["Raspberry", "Pi"], ("A",), 64, 12)
@example(["Donaudampfschiff" * 3], ("A",), 128, 18)
def test_a_mark_that_comes_moves_no_word_to_another_line(
    said: list[str], marks: tuple[str, ...], width: int, pitch: int
) -> None:
    type_ = typeface(pitch)
    unknown = ShownTurn(" ".join(said), "", (), ALL)
    before = latest_lines([unknown], type_, width, 99)
    after = latest_lines([replace(unknown, marks=marks)], type_, width, 99)
    assert not any(word.mark for line in before for word in line)
    assert [word.mark for line in after for word in line].count(True) == 1
    assert after[0][0].mark
    assert words_of(after) == words_of(before)
    assert all(least_width(line, type_) <= width for line in after)


def test_without_marks_lines_break_as_ever() -> None:
    type_ = typeface(18)
    text = "The kitchen is closed on Friday, so please bring your lunch."
    assert len(latest_lines([ShownTurn(text)], type_, 128, 99)) == 4
    marked = latest_lines([ShownTurn(text, "", (), (("Anna",),))], type_, 128, 99)
    assert len(marked) == 5


@pytest.mark.parametrize(
    ("width", "shown"), [(256, "Bartholomew"), (128, "B"), (64, "B")], ids=["256", "128", "64"]
)
def test_a_name_is_shown_where_it_leaves_room_for_words(width: int, shown: str) -> None:
    assert mark_of(("Bartholomew", "B"), typeface(12), width).text == shown


def test_a_long_turn_has_its_mark_before_its_first_word_alone() -> None:
    text = " ".join(f"word{number}" for number in range(250))
    lines = latest_lines([ShownTurn(text, "", ("A",), (("A",),))], typeface(12), 128, 999)
    marked = [number for number, line in enumerate(lines) if line[0].mark]
    assert marked == [0]
    very_long = ShownTurn(text * 10, "", ("A",), (("A",),))
    assert not any(line[0].mark for line in latest_lines([very_long], typeface(12), 128, 9))


def columns(picture: Image.Image) -> list[int]:
    """Return how many pixels are lit in each column."""
    return [
        sum(bool(picture.getpixel((x, y))) for y in range(picture.height))
        for x in range(picture.width)
    ]


def drawn(turn: ShownTurn) -> Image.Image:
    type_ = typeface(18)
    (line,) = latest_lines([turn], type_, 128, 9)
    picture = Image.new("1", (128, 24))
    draw_line(picture, line, type_, line_start(line, type_, 128), 18, 128)
    return picture


@pytest.mark.parametrize(
    ("text", "on_the_right"),
    [("Hello", False), (HEBREW[:8], True), (f"{HEBREW[:4]} Pi", True), ("Pi", False)],
)
def test_a_letter_stands_in_a_box_where_the_line_begins(text: str, on_the_right: bool) -> None:
    lit = columns(drawn(ShownTurn(text, "", ("A",))))
    box = lit[-2:] if on_the_right else lit[:2]
    assert min(box) >= 12
    assert max(lit[:2] if not on_the_right else lit[-2:]) == max(lit)


def test_a_letter_is_dark_in_its_box() -> None:
    type_ = typeface(18)
    picture = drawn(ShownTurn("Hello", "", ("A",)))
    plain = Image.new("1", (128, 24))
    type_.draw(plain, 2, 18, "A")
    width = type_.width("A") + 4
    letter = [(x, y) for x in range(width) for y in range(18) if plain.getpixel((x, y))]
    assert letter
    assert not any(picture.getpixel(place) for place in letter)


def test_a_dash_has_no_box() -> None:
    dash = columns(drawn(ShownTurn("Hello", "", (DASH,))))
    assert 0 < max(dash[:6]) <= 2
