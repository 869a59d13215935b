from collections.abc import Callable

import pytest

from tests.benchmarks.commands import Outcome, as_plain_words, as_written, missed, wrong
from tests.benchmarks.commands_phrases import Case, boxes
from tests.benchmarks.commands_speech import heard
from tests.benchmarks.local_stream import Answer


def test_half_of_two_hundred_phrases_are_commands() -> None:
    cases = [case for box in boxes() for case in box.cases]
    assert len(cases) == 200
    assert sum(bool(case.command) for case in cases) == 100


@pytest.mark.parametrize("looked_at", [as_written, as_plain_words])
def test_what_is_heard_perfectly_is_never_wrong_and_never_missed(
    looked_at: Callable[[], Outcome],
) -> None:
    outcome = looked_at()
    assert (missed(outcome), wrong(outcome)) == (0, 0)


def test_what_was_said_and_not_done_is_missed_and_the_other_way_round_wrong() -> None:
    said, talk = Case("Turn on the lamp.", "lamp"), Case("Turn on the lamb.")
    assert (missed([(said, [])]), wrong([(said, [])])) == (1, 0)
    assert (missed([(said, ["radio"])]), wrong([(said, ["radio"])])) == (1, 1)
    assert (missed([(said, ["lamp", "lamp"])]), wrong([(said, ["lamp", "lamp"])])) == (0, 1)
    assert (missed([(talk, ["lamp"])]), wrong([(talk, ["lamp"])])) == (0, 1)


def turn(text: str, start: int, *, finished: bool = True) -> Answer:
    words = [{"text": text, "start": start}] if text else []
    return Answer(0, {"type": "Turn", "transcript": text, "words": words, "end_of_turn": finished})


def test_turns_belong_to_the_phrase_within_which_they_begin() -> None:
    answers = [
        Answer(0, {"type": "Begin"}),
        turn("on", 2900, finished=False),
        turn("one", 2900),
        turn("two", 3100),
        turn("", 5000),
        turn("three", 9000),
    ]
    assert heard(answers, [0, 3000, 6000, 8000]) == [["one"], ["two"], [], ["three"]]
