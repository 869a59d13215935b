import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.controller.stable_words import with_stable_words
from appliance.controller.transcript import Transcript
from appliance.core.scripts import joined
from appliance.core.turns import Turn
from appliance.screen.render.fonts import typeface
from appliance.screen.render.text_layout import latest_lines
from appliance.screen.scene import ShownTurn

WORDS = ["good", "Good,", "morning", "all", "?", "«so»", "10"]
SAID = st.one_of(
    st.lists(
        st.sampled_from(["good", "Good,", "morning", "all", "?", "«so»", "10"]), max_size=12
    ).map(" ".join),
    st.text("今日はいい天気。、だ Python", max_size=20).map(str.strip),
    st.text("สวัสดีครับ ที่", max_size=20).map(str.strip),
)


def shown(*partials: str) -> list[tuple[str, str]]:
    """Return the settled and the tentative text after each partial of a Pro model."""
    transcript = Transcript()
    states = []
    for text in partials:
        transcript.receive(0, Turn(0, "", tentative=text))
        [turn] = transcript.latest(1) if text else [Turn(0, "")]
        states.append((turn.text, turn.tentative))
    return states


def test_words_of_two_partials_in_a_row_look_settled() -> None:
    assert shown("I saw", "I saw a cat", "I saw a cat and", "I saw a hat and") == [
        ("", "I saw"),
        ("I saw", " a cat"),
        ("I saw a cat", " and"),
        ("I saw a", " hat and"),
    ]


def test_case_and_punctuation_do_not_unsettle_a_word() -> None:
    assert shown("yes of course", "Yes, of course I")[-1] == ("Yes, of course", " I")


@pytest.mark.parametrize(
    ("first", "then", "settled"),
    [
        ("今日はいい", "今日はいい天気", "今日はいい"),
        ("今日は", "今日は、いい", "今日は、"),
        ("我用 Python", "我用 Python 写", "我用 Python"),
        ("สวัสดี", "สวัสดีครับ", "สวัสดี"),
        ("สวัสดิ", "สวัสดีครับ", "สวัส"),
    ],
)
def test_without_spaces_letters_are_compared(first: str, then: str, settled: str) -> None:
    assert shown(first, then)[-1][0] == settled


def test_a_word_that_is_still_spoken_stays_tentative_in_word_by_word_models() -> None:
    assert shown("Fri", "Fri") == [("", "Fri"), ("", "Fri")]
    before, now = Turn(0, "on", tentative="Fri"), Turn(0, "on", tentative="Fri")
    assert with_stable_words(before, now) == now


def test_a_finished_turn_is_left_as_it_is() -> None:
    finished = Turn(0, "I saw a cat.", finished=True)
    assert with_stable_words(Turn(0, "", tentative="I saw"), finished) == finished


@given(st.lists(SAID, min_size=1, max_size=5))
def test_the_text_is_shown_as_it_came_whatever_of_it_looks_settled(partials: list[str]) -> None:
    for text, (settled, tentative) in zip(partials, shown(*partials), strict=True):
        assert settled + tentative == text
        assert joined(settled, tentative) == text


@given(SAID, SAID)
def test_what_looks_settled_stays_in_its_place(first: str, then: str) -> None:
    turns = (ShownTurn("", then), ShownTurn(*shown(first, then)[-1]))
    lines = [latest_lines([turn], typeface(13), 128, 9) for turn in turns]
    whole, parted = (["".join(word.text for word in line) for line in each] for each in lines)
    assert whole == parted
