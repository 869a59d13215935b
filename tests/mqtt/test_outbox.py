import logging
import math
import sqlite3
from collections.abc import Sequence

import pytest

from appliance.history.records import OutgoingTurn
from appliance.mqtt.outbox import (
    LOOK_INTERVAL,
    PATIENCE,
    REFUSED_TIME,
    SELDOM,
    SETTLING_TIME,
    UNREADABLE_INTERVAL,
    Outbox,
)
from tests.mqtt.home import Turns
from tests.rig.clock import Clock


class Stage:
    """Turns that are to be delivered, with a clock that a test moves on."""

    def __init__(self) -> None:
        self.clock = Clock(1000.0)
        self.turns = Turns()
        self.delivered: list[OutgoingTurn] = []
        self.failure: Exception | None = None
        self.deliveries = Outbox(self._read, self.delivered.append, self.clock)

    def _read(self) -> Sequence[OutgoingTurn]:
        if self.failure:
            raise self.failure
        return self.turns.read()

    def settle(self) -> None:
        """Let so much time pass that a turn will not change any more."""
        self.clock.now += SETTLING_TIME

    def send(self) -> str:
        """Send what is due, and have it acknowledged; return its text."""
        turn = self.deliveries.take()
        self.deliveries.acknowledged()
        return turn.text if turn else ""

    def delete(self) -> None:
        """Let the disk forget the turn that arrived last, and time pass until that is seen."""
        self.turns.delivered(self.delivered[-1])
        self.clock.now += LOOK_INTERVAL


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_turn_waits_for_its_commas(stage: Stage) -> None:
    stage.turns.say("hello world")
    assert stage.deliveries.take() is None
    assert stage.deliveries.due_in() == SETTLING_TIME
    stage.settle()
    assert stage.send() == "hello world"


def test_a_formatted_turn_waits_no_more(stage: Stage) -> None:
    turn = stage.turns.say("hello world")
    assert stage.deliveries.take() is None
    stage.deliveries.note_formatted("s1", "Hello, world.")
    assert stage.deliveries.take() is None, "it is not on disk yet"
    stage.turns.put_right(turn, "Hello, world.")
    stage.deliveries.look()
    assert stage.send() == "Hello, world."


def test_another_session_says_nothing_about_a_turn(stage: Stage) -> None:
    stage.turns.say("yes")
    stage.deliveries.note_formatted("s2", "yes")
    assert stage.deliveries.take() is None


def test_only_one_is_under_way(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    assert stage.deliveries.take()
    assert stage.deliveries.take() is None
    assert stage.deliveries.due_in() == math.inf
    stage.deliveries.acknowledged()
    assert [turn.text for turn in stage.delivered] == ["turn 1"]
    stage.delete()
    assert stage.send() == "turn 2"


def test_what_was_under_way_on_a_lost_connection_is_sent_again(stage: Stage) -> None:
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    first = stage.deliveries.take()
    stage.deliveries.begin()
    assert stage.deliveries.take() == first


def test_the_next_one_waits_until_it_is_on_disk_that_the_last_one_arrived(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    stage.send()
    for _ in range(10):
        assert stage.deliveries.take() is None
        assert stage.deliveries.due_in() == pytest.approx(LOOK_INTERVAL)
        stage.clock.now += LOOK_INTERVAL
    stage.delete()
    assert stage.send() == "turn 2"


def test_a_disk_that_forgets_nothing_holds_up_the_rest_for_a_while_only(stage: Stage) -> None:
    for _ in range(100):
        stage.turns.say()
    sent = []
    stage.deliveries.take()
    stage.settle()
    for _ in range(32):
        sent.append(stage.send())
        stage.clock.now += PATIENCE
    assert sent == [f"turn {n}" for n in range(1, 33)]
    assert stage.deliveries.take() is None, "the rest is hidden by what is not forgotten"
    for turn in stage.delivered:
        stage.turns.delivered(turn)
    stage.clock.now += stage.deliveries.due_in()
    stage.deliveries.take()
    stage.settle()
    assert stage.send() == "turn 33"


def test_what_arrived_is_not_sent_again_on_the_next_connection(stage: Stage) -> None:
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    assert stage.send() == "turn 1"
    stage.deliveries.begin()
    stage.clock.now += LOOK_INTERVAL
    assert stage.deliveries.take() is None
    assert [turn.text for turn in stage.delivered] == ["turn 1"]


def test_what_was_not_to_be_seen_for_a_while_is_nothing_new(stage: Stage) -> None:
    turn = stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    stage.send()
    stage.turns.delivered(turn)
    stage.clock.now += LOOK_INTERVAL
    assert stage.deliveries.take() is None
    stage.turns.put_back(turn)
    stage.deliveries.look()
    stage.deliveries.take()
    stage.clock.now += PATIENCE
    assert stage.deliveries.take() is None


@pytest.mark.parametrize("failure", [sqlite3.OperationalError("disk I/O error"), OSError("EIO")])
def test_a_disk_that_can_not_be_read_is_looked_at_again(
    stage: Stage, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stage.turns.say()
    stage.failure = failure
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert stage.deliveries.take() is None
            assert stage.deliveries.due_in() == UNREADABLE_INTERVAL
            stage.clock.now += UNREADABLE_INTERVAL
    assert len(caplog.records) == 1
    stage.failure = None
    stage.deliveries.take()
    stage.settle()
    assert stage.send() == "turn 1"


def test_what_is_known_of_turns_outlasts_a_disk_that_can_not_be_read(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    stage.send()
    stage.failure = OSError("EIO")
    stage.clock.now += LOOK_INTERVAL
    assert stage.deliveries.take() is None, "nobody knows whether it is on disk that one arrived"
    stage.turns.delivered(stage.delivered[-1])
    stage.failure = None
    stage.clock.now += stage.deliveries.due_in()
    assert stage.send() == "turn 2"


def test_a_turn_that_arrived_is_taken_off_a_new_database_too(stage: Stage) -> None:
    turn = stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    stage.send()
    stage.delete()
    stage.turns.put_back(turn)  # the database was deleted, and its formatted text came late
    stage.deliveries.look()
    for _ in range(100):
        assert stage.deliveries.take() is None
        stage.clock.now += SELDOM
    assert stage.delivered == [turn, turn]


def test_a_refused_turn_is_kept_and_sent_again_later_and_in_order(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    first = stage.deliveries.take()
    stage.deliveries.refused()
    assert stage.deliveries.take() is None
    assert stage.deliveries.due_in() == REFUSED_TIME
    stage.clock.now += REFUSED_TIME
    assert stage.deliveries.take() == first
    assert stage.delivered == []


def test_a_new_connection_asks_at_once_for_what_was_refused(stage: Stage) -> None:
    stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    first = stage.deliveries.take()
    stage.deliveries.refused()
    stage.deliveries.begin()
    assert stage.deliveries.take() == first


def test_an_acknowledgement_that_nobody_waits_for_says_nothing(stage: Stage) -> None:
    stage.deliveries.acknowledged()
    assert stage.delivered == []


def test_with_nothing_to_send_nothing_is_due(stage: Stage) -> None:
    assert stage.deliveries.due_in() == 0.0
    assert stage.deliveries.take() is None
    assert stage.deliveries.due_in() == math.inf


def test_a_deleted_turn_is_not_sent_any_more(stage: Stage) -> None:
    turn = stage.turns.say()
    stage.deliveries.take()
    stage.settle()
    stage.turns.delivered(turn)
    stage.deliveries.look()
    assert stage.deliveries.take() is None


def test_thousands_are_sent_in_order_without_waiting_for_each_to_settle(stage: Stage) -> None:
    said = [stage.turns.say().text for _ in range(2000)]
    began_at, sent = stage.clock.now, list[str]()
    while len(sent) < len(said):
        if text := stage.send():
            sent.append(text)
            stage.delete()
        else:
            stage.clock.now += stage.deliveries.due_in()
    assert sent == said
    assert stage.clock.now - began_at < 2000 * LOOK_INTERVAL + 2 * SETTLING_TIME
