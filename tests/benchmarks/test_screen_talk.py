import itertools
import json
import random
from itertools import pairwise

from appliance.core.turns import Turn
from appliance.screen.scene import ShownTurn
from appliance.streaming.messages import decode
from tests.benchmarks.screen_talk import (
    Change,
    Step,
    conversation,
    finished_turns,
    monologue,
    paced,
    some_words,
)


def some(count: int = 300) -> list[Step]:
    return list(itertools.islice(conversation(random.Random(1)), count))


def test_the_appliance_shows_what_a_step_says() -> None:
    for step in some():
        turn = decode(step.message)
        assert isinstance(turn, Turn)
        assert ShownTurn(turn.text, turn.tentative) == step.shown


def test_each_step_changes_what_is_shown() -> None:
    for before, after in pairwise(some()):
        assert before.shown != after.shown


def test_a_turn_begins_grows_finishes_and_is_formatted() -> None:
    changes = [step.change for step in some()]
    assert set(changes) == set(Change)
    ends = [
        changes[place : place + 3]
        for place, change in enumerate(changes)
        if change is Change.FINISHED
    ]
    whole = [end for end in ends if len(end) == 3]
    assert len(whole) > 5
    assert all(end == [Change.FINISHED, Change.FORMATTED, Change.BEGUN] for end in whole)


def test_turns_are_numbered_on_from_the_first() -> None:
    steps = itertools.islice(conversation(random.Random(1), first=7), 100)
    orders = [json.loads(step.message)["turn_order"] for step in steps]
    assert orders[0] == 7
    assert orders == sorted(orders)
    assert set(orders) == set(range(7, orders[-1] + 1))


def test_a_monologue_goes_on_from_what_was_said() -> None:
    said = some_words(random.Random(1), 50)
    steps = list(itertools.islice(monologue(random.Random(2), 0, said), 100))
    assert all(step.shown.text.split()[:50] == said for step in steps)
    assert {step.change for step in steps} == {Change.APPENDED, Change.REVISED}
    assert len(steps[-1].shown.text.split()) > 90


def test_a_transcript_has_as_many_words_as_it_is_asked_for() -> None:
    turns = list(finished_turns(random.Random(1), words=120, length=50))
    assert [len(turn.shown.text.split()) for turn in turns] == [50, 50, 20]
    assert all(turn.shown.text.endswith(".") for turn in turns)


def test_no_word_is_said_twice_in_a_row() -> None:
    words = some_words(random.Random(1), 500, after="you")
    assert all(before != after for before, after in pairwise(["you", *words]))


def test_words_come_at_the_speakers_pace() -> None:
    moments = [moment for moment, _ in paced(some(), 3.0)]
    assert moments == sorted(moments)
    words = sum(step.change in {Change.APPENDED, Change.BEGUN} for step in some())
    assert 2.5 < words / moments[-1] <= 3.0
