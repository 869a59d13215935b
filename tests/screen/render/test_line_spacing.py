# ruff: noqa: RUF001 - many scripts
"""Lines of all scripts, on panels of all sizes: none touches another, and none is cut."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from appliance.core.faults import Fault
from appliance.screen.render.fonts import typeface
from appliance.screen.render.line import draw_line, line_extent, line_start
from appliance.screen.render.line_spacing import Column, PlacedLine, place_lines
from appliance.screen.render.renderer import Renderer
from appliance.screen.render.status_bar import STATUS_HEIGHT
from appliance.screen.render.text_layout import latest_lines
from appliance.screen.render.text_size import TextArea, spread
from appliance.screen.scene import Mode, Scene, ShownTurn

SIZES = [(128, 64), (128, 32), (256, 64), (128, 128), (64, 128)]
WORDS = {
    "latin": ["gypsy", "Übel", "Äpfel", "jpq", "Ågård", "one", "line"],
    "vietnamese": ["Ếch", "Ộp", "giấc", "ngủ", "được", "ẤỀ"],
    "thai": ["ที่นี่", "ปู่ญี่ฎู", "สวัสดีครับ", "น้ำ"],
    "burmese": ["ကြိုးစားပါ", "မင်္ဂလာပါ", "ချစ်တယ်။"],
    "khmer": ["ភាសាខ្មែរ", "សួស្តី"],
    "chinese": ["今天天气", "你说，什么？", "好。", "我", "漢字"],
    "japanese": ["ちょっと待って。", "は、っていう"],
    "korean": ["한국어", "안녕하세요"],
    "hindi": ["हिन्दी", "दुनिया"],
    "emoji": ["😀", "👍🏽", "😀😀😀"],
    "hebrew": ["שָׁלוֹם", "עולם,"],
    "arabic": ["مرحبا", "العالم"],
}
FOREIGN = ["漢", "あ", "😀", "ที่", "Ế", "ကြိုး", "한", "שׁ", "á"]

words = st.sampled_from(sorted(WORDS)).flatmap(lambda script: st.sampled_from(WORDS[script]))
spoken = st.lists(st.lists(words, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=6)
areas = st.builds(lambda size: TextArea(*size), st.sampled_from(SIZES))
counts = st.integers(2, 6)


def columns(area: TextArea, lines: int) -> Column:
    """Return the column of a transcript of so many lines, as the renderer has it."""
    type_ = area.typeface(lines)
    _, pitch = spread(type_, type_.pitch, area.body)
    return Column(type_, pitch, area.canvas[0], STATUS_HEIGHT, STATUS_HEIGHT + area.body)


def high_column(pitch: int) -> Column:
    """Return a column with room for six lines, however tall they are."""
    return Column(typeface(pitch), pitch, 128, STATUS_HEIGHT, 200)


def placed(turns: Sequence[ShownTurn], column: Column) -> list[PlacedLine]:
    lines = latest_lines(turns, column.type_, column.width, 6)
    return place_lines(lines, column)


def ink(placed: PlacedLine, column: Column) -> Image.Image:
    picture = Image.new("1", (column.width, column.bottom + 20))
    start = line_start(placed.line, column.type_, column.width)
    draw_line(picture, placed.line, column.type_, start, placed.baseline, column.width)
    return picture


@given(spoken, areas, counts)
def test_each_line_has_its_ink_for_itself_and_is_shown_whole(
    said: list[str], area: TextArea, lines: int
) -> None:
    column = columns(area, lines)
    turns = [*map(ShownTurn, said[:-1]), ShownTurn("", said[-1])]
    shown = placed(turns, column)
    pictures = [ink(it, column) for it in shown]
    for line, picture in zip(shown, pictures, strict=True):
        box = picture.getbbox()
        above, below = line_extent(line.line, column.type_)
        assert box
        assert box[1] >= max(line.baseline - above, STATUS_HEIGHT)
        assert box[3] <= min(line.baseline + below, column.bottom)
    for one, other in itertools.pairwise(pictures):
        assert ImageChops.logical_and(one, other).getbbox() is None


@given(spoken, areas, counts)
def test_the_newest_line_is_always_shown(said: list[str], area: TextArea, lines: int) -> None:
    column = columns(area, lines)
    turns = [ShownTurn(it) for it in said]
    newest = latest_lines(turns, column.type_, column.width, 1)
    assert [it.line for it in placed(turns, column)][-1:] == newest


SHORT = ["gap", "Äpfel", "Yes", "hat", "漢字文", "ที่นี่", "ok"]


@given(
    st.lists(st.sampled_from(SHORT), min_size=2, max_size=6),
    st.integers(0, 5),
    st.sampled_from(FOREIGN),
    st.sampled_from([9, 10, 13, 18]),
)
def test_one_foreign_letter_leaves_the_other_lines_as_they_are(
    said: list[str], where: int, letter: str, height: int
) -> None:
    column = high_column(height)
    where %= len(said)
    changed = [f"{it} {letter}" if at == where else it for at, it in enumerate(said)]
    before, after = (placed([ShownTurn(it) for it in texts], column) for texts in (said, changed))
    assert len(before) == len(after) == len(said)
    distances = [
        [lower.baseline - upper.baseline for upper, lower in itertools.pairwise(lines)]
        for lines in (before, after)
    ]
    for at, (old, new) in enumerate(zip(*distances, strict=True)):
        if where not in (at, at + 1):
            assert old == new
    untouched = [it for it in range(len(said)) if it != where]
    assert [before[it].line for it in untouched] == [after[it].line for it in untouched]


def test_lines_of_latin_letters_keep_their_distance_beside_a_phrase_of_ideographs() -> None:
    column = high_column(9)
    said = ["One", "Two", "你好世界", "Three", "Four"]
    baselines = [it.baseline for it in placed([ShownTurn(it) for it in said], column)]
    distances = [lower - upper for upper, lower in itertools.pairwise(baselines)]
    assert distances[0] == distances[3] == column.pitch
    assert distances[1] > column.pitch


@pytest.mark.parametrize("said", ["今天天气很好", "ที่นี่", "Été", "ကြိုးစားပါ"])
@pytest.mark.parametrize("size", [(128, 32), (128, 64)])
def test_a_notice_and_tall_letters_leave_each_other_room(said: str, size: tuple[int, int]) -> None:
    renderer = Renderer(*size)
    fault = Fault("Can't reach the service", "check the network")
    pictures = [
        renderer.draw(Scene(Mode.LISTENING, turns=(ShownTurn(it),), fault=fault))
        for it in ("no", said)
    ]
    box = ImageChops.logical_xor(*pictures).getbbox()
    assert box
    assert box[1] >= STATUS_HEIGHT
    band = next(row for row in range(STATUS_HEIGHT, size[1]) if is_lit(pictures[1], row))
    assert box[3] <= band


def is_lit(picture: Image.Image, row: int) -> bool:
    return bool(picture.getpixel((picture.width - 3, row)))
