# ruff: noqa: RUF001 - Chinese and Japanese
import itertools
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from appliance.screen.render import line_breaking
from appliance.screen.render.fonts import Typeface, typeface
from appliance.screen.render.line import Line, draw_line, line_width, reads_right_to_left
from appliance.screen.render.text_layout import (
    SECTION_CHARACTERS,
    break_lines,
    latest_lines,
    message_lines,
    words_of,
)
from appliance.screen.scene import ShownTurn

WIDTH = 128
TYPE = typeface(18)

words = st.text("abcdefghilmnorstuvwyÄéßЖλ", min_size=1, max_size=12)


def lines_of(text: str, type_: Typeface, width: int) -> list[Line]:
    return list(break_lines(words_of(ShownTurn(text)), type_, width))


def texts(lines: Sequence[Line]) -> list[str]:
    return [" ".join(word.text for word in line) for line in lines]


def drawn(line: Line, type_: Typeface = TYPE) -> Image.Image:
    picture = Image.new("1", (WIDTH + 40, 24))
    draw_line(picture, line, type_, 0, 18, WIDTH)
    return picture


@given(st.lists(words, max_size=40))
def test_every_word_is_drawn_once_and_in_order(said: list[str]) -> None:
    lines = lines_of(" ".join(said), TYPE, WIDTH)
    assert "".join(word.text for line in lines for word in line) == "".join(said)


@given(st.lists(words, max_size=40))
def test_no_line_is_wider_than_the_panel(said: list[str]) -> None:
    for line in lines_of(" ".join(said), TYPE, WIDTH):
        assert line_width(line, TYPE, WIDTH) <= WIDTH


@given(st.lists(words, min_size=1, max_size=20))
def test_a_word_is_only_cut_when_it_is_wider_than_the_line(said: list[str]) -> None:
    lines = lines_of(" ".join(said), TYPE, WIDTH)
    pieces = [word.text for line in lines for word in line]
    for word in said:
        if TYPE.width(word) <= WIDTH:
            assert word in pieces


def test_a_word_wider_than_the_line_is_cut_to_fill_it() -> None:
    lines = texts(lines_of("Donaudampfschifffahrtsgesellschaft", TYPE, WIDTH))
    assert len(lines) > 1
    assert all(TYPE.width(line) > WIDTH - 20 for line in lines[:-1])
    assert "".join(lines) == "Donaudampfschifffahrtsgesellschaft"


@given(st.lists(words, max_size=40), st.lists(words, max_size=5))
def test_words_that_are_appended_leave_the_lines_before_them_alone(
    said: list[str], more: list[str]
) -> None:
    before = lines_of(" ".join(said), TYPE, WIDTH)
    after = lines_of(" ".join(said + more), TYPE, WIDTH)
    assert after[: max(0, len(before) - 1)] == before[:-1]


@pytest.mark.parametrize("height", [9, 13, 18, 27])
def test_text_that_was_read_does_not_jump_when_it_is_formatted(height: int) -> None:
    type_ = typeface(height)
    unformatted = (
        "good morning everybody the kitchen is closed on friday so please bring your lunch"
    )
    formatted = (
        "Good morning, everybody. The kitchen is closed on Friday, so please bring your lunch."
    )
    before, after = (lines_of(text, type_, WIDTH) for text in (unformatted, formatted))
    assert [len(line) for line in before] == [len(line) for line in after]


def test_each_turn_starts_a_line() -> None:
    turns = [ShownTurn("Yes."), ShownTurn("No.")]
    assert texts(latest_lines(turns, TYPE, WIDTH, 3)) == ["Yes.", "No."]


def test_the_newest_lines_are_seen() -> None:
    turns = [ShownTurn(f"This is turn number {number}.") for number in range(5)]
    assert texts(latest_lines(turns, TYPE, WIDTH, 3))[-1].endswith("4.")
    assert len(latest_lines(turns, TYPE, WIDTH, 3)) == 3


def test_turns_that_are_out_of_sight_are_not_laid_out() -> None:
    turns = [ShownTurn("x " * 100_000)] * 100 + [ShownTurn("one two three four five six seven")] * 3
    assert len(latest_lines(turns, TYPE, WIDTH, 3)) == 3


def test_a_very_long_turn_is_laid_out_from_its_last_words() -> None:
    endless = "one two three four five six seven eight nine ten " * 2_000
    assert texts(latest_lines([ShownTurn(endless, "eleven")], TYPE, WIDTH, 3))[-1].endswith(
        "eleven"
    )


def test_a_very_long_turn_without_spaces_is_laid_out_too() -> None:
    assert len(latest_lines([ShownTurn("a" * 1_000_000)], TYPE, WIDTH, 3)) == 3


def test_the_lines_of_a_very_long_turn_seldom_move() -> None:
    said = [f"word{number % 7}" for number in range(1000)]
    moves, before = 0, [""]
    for end in range(1, len(said)):
        after = texts(latest_lines([ShownTurn(" ".join(said[:end]))], TYPE, WIDTH, 3))
        read = before[-2] if len(before) > 1 else after[0]
        moves += read not in after
        before = after
    assert moves <= 1000 * len("word0 ") // SECTION_CHARACTERS


def test_tentative_words_follow_the_settled_ones_and_are_marked() -> None:
    said = list(words_of(ShownTurn("I am", "still speaking")))
    assert [(word.text, word.tentative) for word in said] == [
        ("I", False),
        ("am", False),
        ("still", True),
        ("speaking", True),
    ]


def test_tentative_words_are_underlined_with_dots() -> None:
    settled, tentative = (
        next(break_lines(words_of(turn), TYPE, WIDTH))
        for turn in (ShownTurn("word"), ShownTurn("", "word"))
    )
    dots = set(pixels(drawn(tentative))) - set(pixels(drawn(settled)))
    assert len(dots) == pytest.approx(TYPE.width("word") / 2, abs=1)
    assert {y for _, y in dots} == {20}


def pixels(picture: Image.Image) -> list[tuple[int, int]]:
    width, height = picture.size
    return [(x, y) for y in range(height) for x in range(width) if picture.getpixel((x, y))]


def test_ideographs_wrap_between_any_two() -> None:
    lines = texts(lines_of("你好世界你好世界你好世界", TYPE, WIDTH))
    assert len(lines) == 2
    assert "".join(lines).replace(" ", "") == "你好世界你好世界你好世界"


NOT_AT_A_START = "，。、！？；：）」』ゃゅょっぁぃぅぇぉャュョッー々"
NOT_AT_AN_END = "（「『"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", *NOT_AT_AN_END]),
            st.sampled_from("今日天气很好はいいアメリカ"),
            st.sampled_from(["", "", *NOT_AT_A_START]),
        ).map("".join),
        max_size=40,
    ).map("".join),
    st.sampled_from([9, 13, 18]),
    st.integers(80, 128),
)
def test_no_line_begins_or_ends_with_a_mark_that_may_not_stand_there(
    text: str, height: int, width: int
) -> None:
    lines = texts(lines_of(text, typeface(height), width))
    assert "".join(lines).replace(" ", "") == text
    assert not [line for line in lines[1:] if line[0] in NOT_AT_A_START]
    assert not [line for line in lines[:-1] if line[-1] in NOT_AT_AN_END]


@given(st.text("ทำนอกจากนี้เป็นไก่โต๊ะ", max_size=60))
def test_no_line_begins_with_a_vowel_of_the_one_above(text: str) -> None:
    lines = ["".join(word.text for word in line) for line in lines_of(text, TYPE, WIDTH)]
    assert "".join(lines) == text.replace(" ", "")
    assert not [line for line in lines[1:] if line[0] == "ำ"]
    assert not [line for line in lines[:-1] if line[-2:-1] not in "เแโใไ" and line[-1] in "เโไ"]


def test_without_the_line_breaker_lines_break_between_letters_but_not_before_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uniseg.linebreak", None)
    caches = (
        line_breaking._line_breaker,
        line_breaking._parts_of_spaceless,
        line_breaking._parts_of_clause,
        line_breaking._is_bound,
    )
    try:
        for cached in caches:
            cached.cache_clear()
        assert line_breaking._parts("你好。ok") == ("你", "好。", "o", "k")
    finally:
        for cached in caches:
            cached.cache_clear()


def test_an_accent_and_its_letter_are_one_letter() -> None:
    assert texts(lines_of("e\u0301te\u0301", TYPE, WIDTH)) == ["été"]


def test_the_lines_of_a_message_are_about_equally_long() -> None:
    assert texts(message_lines("unplug it and plug it in again", TYPE, WIDTH)) == [
        "unplug it and",
        "plug it in again",
    ]


@given(st.lists(words, min_size=1, max_size=12))
def test_a_message_takes_no_more_lines_than_it_must_and_cuts_no_word(said: list[str]) -> None:
    lines = message_lines(" ".join(said), TYPE, WIDTH)
    assert all(line_width(line, TYPE, WIDTH) <= WIDTH for line in lines)
    assert len(lines) <= len(lines_of(" ".join(said), TYPE, WIDTH))
    pieces = [word.text for line in lines for word in line]
    assert "".join(pieces) == "".join(said)
    assert [word for word in said if TYPE.width(word) <= WIDTH and word not in pieces] == []


def test_a_paragraph_that_is_read_from_right_to_left_starts_at_the_right() -> None:
    [line] = lines_of("שלום world", TYPE, WIDTH)
    assert reads_right_to_left(line)
    [mirrored] = lines_of("world שלום", TYPE, WIDTH)
    assert not reads_right_to_left(mirrored)
    # Either way the word that was said first is at the beginning of its paragraph.
    assert drawn(line).tobytes() == drawn(mirrored).tobytes()


def test_spaces_stay_between_the_words_they_part() -> None:
    [line] = lines_of("שלום 你好 world", TYPE, WIDTH)
    box = drawn(line).getbbox()
    assert box
    assert line_width(line, TYPE, WIDTH) == box[2]


@given(
    st.lists(st.sampled_from(["שלום", "מרחבא", "one", "two", "你好", "漢字", "12"]), max_size=6),
    st.lists(st.sampled_from([" ", ""]), min_size=6, max_size=6),
)
def test_no_space_is_lost_or_added_where_directions_meet(
    said: list[str], between: list[str]
) -> None:
    text = "".join(itertools.chain.from_iterable(zip(said, between, strict=False)))
    for line in lines_of(text, typeface(9), 400):
        right = max((x for x, _ in pixels(drawn_wide(line))), default=0)
        assert right + 1 <= line_width(line, typeface(9), 400)
        assert right >= line_width(line, typeface(9), 400) - 4


def drawn_wide(line: Line) -> Image.Image:
    picture = Image.new("1", (460, 24))
    draw_line(picture, line, typeface(9), 0, 18, 400)
    return picture
