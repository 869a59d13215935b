import logging
import math
import sqlite3
from collections.abc import Callable, Sequence

import pytest

from appliance.history.records import OutgoingTurn
from appliance.mqtt.outbox import (
    CONFIRMATION_TIMEOUT,
    REFUSED_INTERVAL,
    SETTLING_TIME,
    UNREADABLE_INTERVAL,
    TurnOutbox,
)
from tests.mqtt.running_client import OutgoingTurns
from tests.rig.clock import Clock

REFUSAL = "Not authorized"


class Stage:
    """Turns that are to be sent, with a clock that a test moves on."""

    def __init__(self) -> None:
        self.clock = Clock(1000.0)
        self.turns = OutgoingTurns()
        self.delivered: list[OutgoingTurn] = []
        self.confirmations: list[Callable[[], None]] = []
        self.failure: Exception | None = None
        self.wakes = 0
        self.outbox = TurnOutbox(self._read, self._deliver, wake=self._wake, clock=self.clock)

    def _read(self) -> Sequence[OutgoingTurn]:
        if self.failure:
            raise self.failure
        return self.turns.read()

    def _deliver(self, turn: OutgoingTurn, then: Callable[[], None]) -> None:
        self.delivered.append(turn)
        self.confirmations.append(then)

    def _wake(self) -> None:
        self.wakes += 1

    def settle(self) -> None:
        """Let so much time pass that a turn will not change any more."""
        self.clock.now += SETTLING_TIME

    def send(self) -> str:
        """Send what is due, and have it acknowledged; return its text."""
        turn = self.outbox.take()
        self.outbox.answered("")
        return turn.text if turn else ""

    def commit(self) -> None:
        """Let the history take off the turn that arrived last."""
        self.turns.delivered(self.delivered[-1])
        self.confirmations[-1]()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_turn_waits_for_its_commas(stage: Stage) -> None:
    stage.turns.say("hello world")
    assert stage.outbox.take() is None
    assert stage.outbox.due_in() == SETTLING_TIME
    stage.settle()
    assert stage.send() == "hello world"


def test_a_formatted_turn_waits_no_more(stage: Stage) -> None:
    turn = stage.turns.say("hello world")
    assert stage.outbox.take() is None
    stage.turns.change(turn, "Hello, world.")
    stage.outbox.note_formatted("s1", (turn.origin, turn.order))
    assert stage.send() == "Hello, world."


def test_a_turn_that_was_formatted_before_it_may_be_sent_waits_no_more(stage: Stage) -> None:
    stage.outbox.note_formatted("s1", (0, 1))
    stage.turns.say("Hello, world.")
    assert stage.send() == "Hello, world."


def test_a_text_that_is_formatted_while_the_history_is_read_is_read_again(stage: Stage) -> None:
    turn = stage.turns.say("hello world")

    def read() -> Sequence[OutgoingTurn]:
        turns = stage.turns.read()
        if turns == [turn]:
            stage.turns.change(turn, "Hello, world.")
            outbox.note_formatted("s1", (turn.origin, turn.order))
        return turns

    outbox = TurnOutbox(read, stage.turns.delivered, clock=stage.clock)
    assert outbox.take() is None
    assert outbox.due_in() == 0.0
    sent = outbox.take()
    assert sent
    assert sent.text == "Hello, world."


@pytest.mark.parametrize(("session", "key"), [("s2", (0, 1)), ("s1", (0, 2)), ("s1", (1, 1))])
def test_the_formatted_text_of_another_turn_settles_nothing(
    stage: Stage, session: str, key: tuple[int, int]
) -> None:
    stage.turns.say("yes")
    stage.outbox.note_formatted(session, key)
    assert stage.outbox.take() is None


def test_only_one_is_under_way(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    assert stage.outbox.take()
    assert stage.outbox.take() is None
    assert stage.outbox.due_in() == math.inf
    stage.outbox.answered("")
    assert [turn.text for turn in stage.delivered] == ["turn 1"]
    stage.commit()
    assert stage.send() == "turn 2"


def test_what_was_under_way_on_a_lost_connection_is_sent_again(stage: Stage) -> None:
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    first = stage.outbox.take()
    stage.outbox.begin()
    assert stage.outbox.take() == first


def test_the_next_one_waits_until_it_is_on_disk_that_the_last_one_arrived(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    stage.send()
    wakes = stage.wakes
    assert stage.outbox.take() is None
    assert stage.outbox.due_in() == CONFIRMATION_TIMEOUT
    stage.commit()
    assert stage.wakes == wakes + 1
    assert stage.outbox.due_in() == 0.0
    assert stage.send() == "turn 2"


def test_a_disk_that_takes_nothing_holds_up_the_rest_for_a_while_only(stage: Stage) -> None:
    for _ in range(100):
        stage.turns.say()
    sent = []
    stage.outbox.take()
    stage.settle()
    for _ in range(32):
        sent.append(stage.send())
        assert stage.outbox.take() is None
        stage.clock.now += CONFIRMATION_TIMEOUT
    assert sent == [f"turn {n}" for n in range(1, 33)]
    assert stage.outbox.take() is None, "the rest is hidden by what is not taken off"
    for turn, confirm in zip(stage.delivered, stage.confirmations, strict=True):
        stage.turns.delivered(turn)
        confirm()
    stage.outbox.take()
    stage.settle()
    assert stage.send() == "turn 33"


def test_what_arrived_is_not_sent_again_on_the_next_connection(stage: Stage) -> None:
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    assert stage.send() == "turn 1"
    stage.outbox.begin()
    stage.clock.now += CONFIRMATION_TIMEOUT
    assert stage.outbox.take() is None
    assert [turn.text for turn in stage.delivered] == ["turn 1"]


def test_what_arrived_and_is_outgoing_again_is_not_sent_again(stage: Stage) -> None:
    turn = stage.turns.say()
    stage.outbox.take()
    stage.settle()
    stage.send()
    stage.commit()
    assert stage.outbox.take() is None
    stage.turns.put_back(turn)
    stage.outbox.refresh()
    stage.outbox.take()
    stage.clock.now += CONFIRMATION_TIMEOUT
    assert stage.outbox.take() is None


@pytest.mark.parametrize("failure", [sqlite3.OperationalError("disk I/O error"), OSError("EIO")])
def test_a_disk_that_can_not_be_read_is_looked_at_again(
    stage: Stage, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stage.turns.say()
    stage.failure = failure
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert stage.outbox.take() is None
            assert stage.outbox.due_in() == UNREADABLE_INTERVAL
            stage.clock.now += UNREADABLE_INTERVAL
    assert len(caplog.records) == 1
    stage.failure = None
    stage.outbox.take()
    stage.settle()
    assert stage.send() == "turn 1"


def test_what_is_known_of_turns_outlasts_a_disk_that_can_not_be_read(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    stage.send()
    stage.failure = OSError("EIO")
    stage.outbox.refresh()
    assert stage.outbox.take() is None, "it is not on disk that the first one arrived"
    stage.failure = None
    stage.commit()
    assert stage.send() == "turn 2"


def test_a_turn_that_arrived_is_taken_off_a_new_database_too(stage: Stage) -> None:
    turn = stage.turns.say()
    stage.outbox.take()
    stage.settle()
    stage.send()
    stage.commit()
    stage.turns.put_back(turn)  # the database was deleted, and its formatted text came late
    for _ in range(100):
        stage.outbox.refresh()
        assert stage.outbox.take() is None
        stage.clock.now += 1.0
    assert stage.delivered == [turn, turn], "it is asked for once"
    stage.commit()
    assert stage.outbox.take() is None
    assert stage.delivered == [turn, turn]


def test_a_refused_turn_is_kept_and_sent_again_later_and_in_order(stage: Stage) -> None:
    stage.turns.say()
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    first = stage.outbox.take()
    stage.outbox.answered(REFUSAL)
    assert stage.outbox.take() is None
    assert stage.outbox.due_in() == REFUSED_INTERVAL
    stage.clock.now += REFUSED_INTERVAL
    assert stage.outbox.take() == first
    assert stage.delivered == []


def test_a_new_connection_asks_at_once_for_what_was_refused(stage: Stage) -> None:
    stage.turns.say()
    stage.outbox.take()
    stage.settle()
    first = stage.outbox.take()
    stage.outbox.answered(REFUSAL)
    stage.outbox.begin()
    assert stage.outbox.take() == first


def test_an_acknowledgement_that_nobody_waits_for_says_nothing(stage: Stage) -> None:
    stage.outbox.answered("")
    assert stage.delivered == []


def test_with_nothing_to_send_nothing_is_due(stage: Stage) -> None:
    assert stage.outbox.due_in() == 0.0
    assert stage.outbox.take() is None
    assert stage.outbox.due_in() == math.inf


def test_a_deleted_turn_is_not_sent_any_more(stage: Stage) -> None:
    turn = stage.turns.say()
    stage.outbox.take()
    stage.settle()
    stage.turns.delivered(turn)
    stage.outbox.refresh()
    assert stage.outbox.take() is None


def test_thousands_are_sent_in_order_without_waiting_for_each_to_settle(stage: Stage) -> None:
    said = [stage.turns.say().text for _ in range(2000)]
    began_at, sent = stage.clock.now, list[str]()
    while len(sent) < len(said):
        if text := stage.send():
            sent.append(text)
            stage.commit()
        else:
            stage.clock.now += stage.outbox.due_in()
    assert sent == said
    # 32 are read at once, and settle together.
    assert stage.clock.now - began_at <= 2000 / 32 * SETTLING_TIME + SETTLING_TIME
