import math

import pytest

from tests.rig.recognizer import LaggingRecognizer, Message, spoken

SECOND = bytes(32_000)


def test_scripted_turns_come_as_audio_time_passes() -> None:
    recognizer = spoken([(0.0, "hello world"), (2.0, "again")])()
    first, second, third = (recognizer.hear(SECOND) for _ in range(3))
    assert [m["transcript"] for m in first if m["turn_is_formatted"]] == ["Hello world."]
    assert [m["transcript"] for m in second] == [""]
    assert [m["transcript"] for m in third if m["turn_is_formatted"]] == ["Again."]
    assert {m["turn_order"] for m in first} == {0}
    assert {m["turn_order"] for m in third} == {1}


def test_the_word_being_spoken_at_the_end_is_finished() -> None:
    recognizer = spoken([(0.9, "last")])()
    assert [m["transcript"] for m in recognizer.hear(SECOND)] == [""]
    assert [m["transcript"] for m in recognizer.finish_turn()] == ["last", "last", "Last."]
    assert recognizer.finish_turn() == []


def test_turns_of_a_script_may_not_overlap() -> None:
    with pytest.raises(ValueError, match="before"):
        spoken([(0.0, "one two three"), (0.5, "four")])


class Counting:
    def __init__(self) -> None:
        self.heard = 0

    def hear(self, audio: bytes) -> list[Message]:
        self.heard += len(audio)
        return []

    def finish_turn(self) -> list[Message]:
        return []


def test_audio_is_heard_with_delay() -> None:
    counting = Counting()
    recognizer = LaggingRecognizer(counting, delay=0.3, speed=math.inf, now=0.0)
    recognizer.arrive(SECOND, now=1.0)
    recognizer.hear(now=1.2)
    assert (counting.heard, recognizer.is_idle) == (0, False)
    recognizer.hear(now=1.31)
    assert (counting.heard, recognizer.is_idle) == (32_000, True)


def test_a_backlog_is_heard_no_faster_than_the_speed() -> None:
    counting = Counting()
    recognizer = LaggingRecognizer(counting, delay=0.0, speed=4.0, now=0.0)
    for _ in range(3):
        recognizer.arrive(SECOND, now=0.0)
    recognizer.hear(now=0.5)
    assert counting.heard == 2 * 32_000
    recognizer.hear(now=1.0)
    assert (counting.heard, recognizer.is_idle) == (3 * 32_000, True)
