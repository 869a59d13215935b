import math

from appliance.mqtt.outbox import LatestPayload
from tests.rig.clock import Clock

INTERVAL = 0.5


class Stage:
    """A payload that is due, with a clock that a test moves on."""

    def __init__(self, *, republish: bool = True) -> None:
        self.clock = Clock(1000.0)
        self.latest = LatestPayload(INTERVAL, self.clock, b"old")
        self.latest.begin(republish=republish, delay=0.0)


def test_only_another_payload_differs() -> None:
    latest = Stage().latest
    assert latest.put(b"new")
    assert not latest.put(b"new")


def test_the_latest_is_published_and_those_before_are_not() -> None:
    stage = Stage()
    stage.latest.put(b"first")
    stage.latest.put(b"second")
    assert stage.latest.take() == b"second"
    stage.latest.answered("")
    assert stage.latest.due_in() == math.inf


def test_between_two_there_is_an_interval() -> None:
    stage = Stage()
    assert stage.latest.take() == b"old"
    stage.latest.answered("")
    stage.latest.put(b"new")
    stage.clock.now += 0.25
    assert stage.latest.due_in() == INTERVAL - 0.25
    assert stage.latest.take() is None
    stage.clock.now += INTERVAL - 0.25
    assert stage.latest.take() == b"new"


def test_one_is_under_way_at_a_time() -> None:
    stage = Stage()
    stage.latest.take()
    stage.latest.put(b"new")
    stage.clock.now += 100.0
    assert stage.latest.due_in() == math.inf
    assert stage.latest.take() is None
    stage.latest.answered("Not authorized")
    assert stage.latest.take() == b"new"


def test_what_came_back_to_what_it_was_is_not_published_twice() -> None:
    stage = Stage()
    stage.latest.take()
    stage.latest.put(b"new")
    stage.latest.put(b"old")
    stage.latest.answered("")
    stage.clock.now += 100.0
    assert stage.latest.take() is None


def test_a_connection_begins_with_what_there_is_or_with_what_comes() -> None:
    assert Stage(republish=True).latest.take() == b"old"
    latest = Stage(republish=False).latest
    assert latest.take() is None
    latest.put(b"new")
    assert latest.take() == b"new"


def test_without_a_payload_nothing_is_due() -> None:
    latest = LatestPayload(INTERVAL, Clock(1000.0))
    latest.begin(delay=0.0)
    assert latest.due_in() == math.inf
    assert latest.take() is None


def test_a_new_connection_waits_for_no_old_acknowledgement() -> None:
    stage = Stage()
    stage.latest.take()
    stage.latest.begin()
    assert stage.latest.take() is None, "it is published that there is a connection, first"
    stage.clock.now += INTERVAL
    assert stage.latest.take() == b"old"
