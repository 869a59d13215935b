import itertools
import logging
import math

import pytest

from appliance.core.events import Event, Request, Requested
from appliance.mqtt.remote_commands import INTERVAL, RUBBISH_INTERVAL, RemoteCommands
from tests.rig.clock import Clock


class House:
    """Says what it wishes at some times, and notes when something is asked for."""

    def __init__(self) -> None:
        self.clock = Clock(0.0)
        self.asked: list[tuple[float, str]] = []
        self.wishes = RemoteCommands(self._post, self.clock)

    def say(self, at: float, payload: str, *, retained: bool = False) -> None:
        self.wait_until(at)
        self.wishes.hear(payload.encode(), retained=retained)
        self.wishes.grant()

    def wait_until(self, at: float) -> None:
        while (due := self.clock.now + self.wishes.due_in()) <= at:
            self.clock.now = due
            self.wishes.grant()
        self.clock.now = at

    def _post(self, event: Event) -> None:
        assert isinstance(event, Requested)
        self.asked.append((self.clock.now, event.request.value))


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize("wish", [Request.START, Request.STOP, Request.PRESS, Request.CLEAR])
def test_a_wish_is_granted_at_once(house: House, wish: Request) -> None:
    house.say(5.0, f" {wish.value.upper()}\n")
    assert house.asked == [(5.0, wish.value)]


def test_wishes_that_are_far_enough_apart_are_all_granted(house: House) -> None:
    for at in range(10):
        house.say(at, "press")
    assert house.asked == [(at, "press") for at in range(10)]


def test_the_same_wish_within_a_second_is_the_same(house: House) -> None:
    for at in (5.0, 5.25, 5.75):
        house.say(at, "press")
    house.wait_until(60.0)
    assert house.asked == [(5.0, "press")]


def test_of_others_within_a_second_the_last_one_counts(house: House) -> None:
    for at, wish in ((5.0, "start"), (5.25, "press"), (5.5, "stop")):
        house.say(at, wish)
    house.wait_until(60.0)
    assert house.asked == [(5.0, "start"), (6.0, "stop")]


def test_who_changes_their_mind_twice_within_a_second_wishes_nothing_new(house: House) -> None:
    for at, wish in ((5.0, "start"), (5.25, "stop"), (5.5, "start")):
        house.say(at, wish)
    house.wait_until(60.0)
    assert house.asked == [(5.0, "start")]


def test_to_clear_the_screen_does_not_stand_in_the_way_of_a_stop(house: House) -> None:
    for wish in ("start", "stop", "clear", "clear"):
        house.say(5.0, wish)
    house.wait_until(60.0)
    assert house.asked == [(5.0, "start"), (5.0, "clear"), (6.0, "stop")]


@pytest.mark.parametrize("wishes", [["press"], ["clear"], ["start", "stop"], ["press", "stop"]])
def test_of_a_flood_one_a_second_is_granted(house: House, wishes: list[str]) -> None:
    for number in range(5_000):
        house.say(number / 512, wishes[number % len(wishes)])
    house.wait_until(60.0)
    times = [at for at, _ in house.asked]
    assert 9 <= len(times) <= 11
    assert all(later - before >= INTERVAL for before, later in itertools.pairwise(times))


def test_who_goes_forgets_no_stop(house: House) -> None:
    house.say(5.0, "start")
    house.say(5.5, "stop")
    house.wishes.grant(early=True)
    assert house.asked == [(5.0, "start"), (5.5, "stop")]
    assert house.wishes.due_in() == math.inf


def test_what_the_broker_had_kept_is_not_done(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.say(5.0, "start", retained=True)
    assert house.asked == []
    assert "b'start', which is retained: ignored" in caplog.text


def test_rubbish_is_told_at_most_once_a_minute_and_counted(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(150):
            house.say(number * RUBBISH_INTERVAL / 60, f"dance {number}")
        house.say(1000.0, "")
    assert house.asked == []
    assert [record.getMessage() for record in caplog.records] == [
        "asked over MQTT to b'dance 0', which can't be asked for: ignored",
        "asked over MQTT to b'dance 60', which can't be asked for: ignored (60 of that kind)",
        "asked over MQTT to b'dance 120', which can't be asked for: ignored (60 of that kind)",
    ]
