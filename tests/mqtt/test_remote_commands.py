import itertools
import logging
import math

import pytest

from appliance.core.command_events import Request, Requested
from appliance.core.events import Event
from appliance.mqtt.remote_commands import INTERVAL, WARNING_INTERVAL, RemoteCommands
from tests.rig.clock import Clock


class Broker:
    """Sends commands at some times, and notes when something is requested."""

    def __init__(self) -> None:
        self.clock = Clock(0.0)
        self.requested: list[tuple[float, str]] = []
        self.commands = RemoteCommands(self._post, self.clock)

    def send(self, at: float, payload: str, *, retained: bool = False) -> None:
        self.wait_until(at)
        self.commands.receive(payload.encode(), retained=retained)
        self.commands.post_due()

    def wait_until(self, at: float) -> None:
        while (due := self.clock.now + self.commands.due_in()) <= at:
            self.clock.now = due
            self.commands.post_due()
        self.clock.now = at

    def _post(self, event: Event) -> None:
        assert isinstance(event, Requested)
        self.requested.append((self.clock.now, event.request.value))


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.mark.parametrize("wanted", [Request.START, Request.STOP, Request.PRESS, Request.CLEAR])
def test_a_command_is_requested_at_once(broker: Broker, wanted: Request) -> None:
    broker.send(5.0, f" {wanted.value.upper()}\n")
    assert broker.requested == [(5.0, wanted.value)]


def test_commands_that_are_far_enough_apart_are_all_requested(broker: Broker) -> None:
    for at in range(10):
        broker.send(at, "press")
    assert broker.requested == [(at, "press") for at in range(10)]


def test_the_same_command_within_a_second_is_the_same(broker: Broker) -> None:
    for at in (5.0, 5.25, 5.75):
        broker.send(at, "press")
    broker.wait_until(60.0)
    assert broker.requested == [(5.0, "press")]


def test_of_others_within_a_second_the_last_one_counts(broker: Broker) -> None:
    for at, command in ((5.0, "start"), (5.25, "press"), (5.5, "stop")):
        broker.send(at, command)
    broker.wait_until(60.0)
    assert broker.requested == [(5.0, "start"), (6.0, "stop")]


def test_who_changes_their_mind_twice_within_a_second_requests_nothing_new(broker: Broker) -> None:
    for at, command in ((5.0, "start"), (5.25, "stop"), (5.5, "start")):
        broker.send(at, command)
    broker.wait_until(60.0)
    assert broker.requested == [(5.0, "start")]


def test_to_clear_the_screen_does_not_stand_in_the_way_of_a_stop(broker: Broker) -> None:
    for command in ("start", "stop", "clear", "clear"):
        broker.send(5.0, command)
    broker.wait_until(60.0)
    assert broker.requested == [(5.0, "start"), (5.0, "clear"), (6.0, "stop")]


@pytest.mark.parametrize("commands", [["press"], ["clear"], ["start", "stop"], ["press", "stop"]])
def test_of_a_flood_one_a_second_is_requested(broker: Broker, commands: list[str]) -> None:
    for number in range(5_000):
        broker.send(number / 512, commands[number % len(commands)])
    broker.wait_until(60.0)
    times = [at for at, _ in broker.requested]
    assert 9 <= len(times) <= 11
    assert all(later - before >= INTERVAL for before, later in itertools.pairwise(times))


def test_at_the_end_no_stop_is_lost(broker: Broker) -> None:
    broker.send(5.0, "start")
    broker.send(5.5, "stop")
    broker.commands.post_due(early=True)
    assert broker.requested == [(5.0, "start"), (5.5, "stop")]
    assert broker.commands.due_in() == math.inf


def test_a_retained_command_is_ignored(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    broker.send(5.0, "start", retained=True)
    assert broker.requested == []
    assert "MQTT command b'start' ignored: it is retained" in caplog.text


def test_unknown_commands_are_logged_at_most_once_a_minute_and_counted(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(150):
            broker.send(number * WARNING_INTERVAL / 60, f"dance {number}")
        broker.send(1000.0, "")
    assert broker.requested == []
    assert [record.getMessage() for record in caplog.records] == [
        "MQTT command b'dance 0' ignored: there is no such command",
        "MQTT command b'dance 60' ignored: there is no such command (60 ignored)",
        "MQTT command b'dance 120' ignored: there is no such command (60 ignored)",
    ]
