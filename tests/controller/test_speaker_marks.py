import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.controller.speaker_marks import Style, marked
from appliance.core.speakers import LabelKey, known_speakers
from appliance.core.turns import Turn
from appliance.screen.scene import DASH

NAMES: dict[LabelKey, str] = {(0, "A"): "Anna"}


def marks(style: Style, *spoken: LabelKey) -> list[tuple[str, ...]]:
    """Return the marks of turns, which are given by connection and label."""
    turns = [(key[0], Turn(order, "said", speaker=key[1])) for order, key in enumerate(spoken)]
    return [turn.marks for turn in marked(turns, known_speakers(spoken, NAMES), style)]


CONVERSATION: list[LabelKey] = [
    *((0, label) for label in ("", "A", "A", "B", "", "B", "", "A")),
    *((9, label) for label in ("", "A", "A", "B")),
]


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("none", [""] * 12),
        ("dash", ["", "", "", "-", "", "", "", "-", "", "", "", "-"]),
        ("letter", ["", "Anna A", "", "B", "", "", "", "Anna A", "", "A2", "", "B2"]),
    ],
)
def test_a_turn_by_somebody_else_is_marked(style: Style, shown: list[str]) -> None:
    found = [" ".join(it).replace(DASH, "-") for it in marks(style, *CONVERSATION)]
    assert found == shown


SPOKEN = st.lists(st.tuples(st.sampled_from([0, 7, 9]), st.sampled_from(["", "A", "B", "C"])))


@given(SPOKEN)
def test_a_dash_means_that_two_people_of_one_connection_speak_in_turns(
    spoken: list[LabelKey],
) -> None:
    spoken = sorted(spoken, key=lambda key: key[0])  # connections follow each other
    known = [key for key in spoken if key[1]]
    found = [it for key, it in zip(spoken, marks("dash", *spoken), strict=True) if key[1]]
    assert [bool(it) for it in found] == [
        number > 0 and known[number - 1][0] == key[0] and known[number - 1][1] != key[1]
        for number, key in enumerate(known)
    ]


@given(SPOKEN)
def test_letters_name_everybody_and_never_two_people_alike(spoken: list[LabelKey]) -> None:
    spoken = sorted(spoken, key=lambda key: key[0])
    named: dict[str, LabelKey] = {}
    speaking = ""
    for key, shown in zip(spoken, marks("letter", *spoken), strict=True):
        speaking = shown[-1] if shown else speaking
        if key[1]:
            assert named.setdefault(speaking, key) == key
