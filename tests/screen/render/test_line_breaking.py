# ruff: noqa: RUF001 - many scripts
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.screen.render.fonts import typeface
from appliance.screen.render.line_breaking import pieces
from appliance.screen.render.text_layout import break_lines, latest_lines, words_of
from appliance.screen.scene import ShownTurn

NOT_AT_A_START = set("，。、！？；：）」』ゃゅょっぁぃぅぇぉャュョッー々!?:;,.)]}%…»ะาำๆฯๅະາຳໆ။၊។ៗ")
NOT_AT_AN_END = set("（「『([«เแโใไເແໂໃໄ")
SYLLABLES = {
    "chinese": (*"今天气很好", "好，", "好。", "「好」", "（气）"),
    "japanese": ("今日", "は、っ", "ちゃ", "コー", "アメリカ", "人々"),
    "thai": ("สวัส", "ดี", "ครับ", "ทำ", "ไก่", "โต๊ะ", "เก็บ", "ต่างๆ", "น้ำ"),
    "lao": ("ສະ", "ບາຍ", "ດີ", "ເຈົ້າ"),
    "burmese": ("မင်္", "ဂ", "လာ", "ပါ", "ချစ်", "တယ်။"),
    "khmer": ("ភា", "សា", "ខ្មែ", "រ"),
    "latin": ("a", "word", "Übung", "x,"),
}

texts = st.sampled_from(sorted(SYLLABLES)).flatmap(
    lambda script: st.lists(st.sampled_from(SYLLABLES[script]), min_size=1, max_size=40)
)


def broken(turn: ShownTurn, height: int, width: int) -> list[str]:
    lines = break_lines(words_of(turn), typeface(height), width)
    return ["".join(word.text for word in line) for line in lines]


def without_spaces(text: str) -> str:
    return "".join(text.split())


@given(texts, st.integers(0, 40), st.sampled_from([9, 13, 18]), st.integers(80, 128))
def test_no_line_begins_or_ends_with_what_may_not_stand_there_wherever_text_is_tentative(
    syllables: list[str], settled: int, height: int, width: int
) -> None:
    turn = ShownTurn("".join(syllables[:settled]), "".join(syllables[settled:]))
    lines = broken(turn, height, width)
    assert "".join(lines) == "".join(syllables)
    assert [line for line in lines[1:] if line[0] in NOT_AT_A_START] == []
    if max(map(len, syllables)) < len(lines[0]):
        assert [line for line in lines[:-1] if line[-1] in NOT_AT_AN_END] == []


@given(
    st.lists(st.sampled_from(["oui", "Bonjour", "«", "»", "?", "!", ":", "12", "%", "alors"])),
    st.booleans(),
)
def test_punctuation_after_a_space_stays_with_its_word(said: list[str], unbreakable: bool) -> None:
    said = [word for word, _ in itertools.groupby(said) if word != "«"]
    if not said or said[0] in NOT_AT_A_START:
        said = ["Non", *said]
    said = said[:1] + [
        word for before, word in itertools.pairwise(said) if not {before, word} <= NOT_AT_A_START
    ]
    turn = ShownTurn(("\u00a0" if unbreakable else " ").join(said))
    lines = [
        "".join(word.text for word in line) for line in latest_lines([turn], typeface(18), 128, 99)
    ]
    assert "".join(lines) == "".join(said)
    assert [line for line in lines[1:] if line[0] in NOT_AT_A_START] == []


@pytest.mark.parametrize(
    ("settled", "tentative"),
    [
        ("今日は", "、いい天気"),
        ("好", "。"),
        ("待", "って"),
        ("コ", "ーヒー"),
        ("นำ", "้ำ"),
        ("ต่าง", "ๆ"),
    ],
)
def test_what_is_tentative_never_parts_a_mark_from_its_letter(settled: str, tentative: str) -> None:
    text = settled + tentative
    whole = [(it.start, it.end) for it in pieces(text)]
    words = list(words_of(ShownTurn(settled, tentative)))
    joins = [it.bound for it in words]
    assert sum(not bound for bound in joins) == len(whole)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("สวัสดีครับ", ["ส", "วัส", "ดี", "ค", "รับ"]),
        ("ต่าง ๆ", ["ต่า", "ง", "ๆ"]),
        ("မင်္ဂလာပါ", ["မင်္ဂ", "လာ", "ပါ"]),
        ("ချစ်တယ်။", ["ချစ်", "တယ်။"]),
        ("ខ្មែរ", ["ខ្មែ", "រ"]),
        ("»Hallo« sagte", ["»Hallo«", "sagte"]),
        ("10 km", ["10", "km"]),
        ("hello", ["hello"]),
    ],
)
def test_a_text_has_pieces_that_stay_whole(text: str, parts: list[str]) -> None:
    assert [text[it.start : it.end] for it in pieces(text)] == parts


@given(st.text())
def test_pieces_hold_all_of_any_text_but_its_spaces(text: str) -> None:
    found = "".join(text[it.start : it.end] for it in pieces(text))
    assert found == without_spaces(text)


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_is_shown_whole(settled: str, tentative: str) -> None:
    shown = "".join(word.text for word in words_of(ShownTurn(settled, tentative)))
    lines = broken(ShownTurn(settled, tentative), 18, 128)
    assert "".join(lines) == shown


def test_settled_and_tentative_text_keep_the_space_that_is_between_them() -> None:
    for settled, tentative, spaced in (("我用", " Python", True), ("我用", "Python", False)):
        [line] = latest_lines([ShownTurn(settled, tentative)], typeface(18), 128, 3)
        assert [word.spaced for word in line if word.text == "Python"] == [spaced]
