"""Turns, and whether the appliance is there, while the broker or the network is in trouble."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.core.command_events import CommandEnded
from appliance.core.errors import ActionError
from appliance.core.events import BrokerFailed, BrokerRecovered
from appliance.screen.scene import Mode, Scene
from tests.mqtt.broker import (
    Broker,
    Listener,
    Received,
    needs_mosquitto,
)
from tests.mqtt.running_client import OutgoingTurns, RunningClient
from tests.rig.proxy import Proxy
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

TURNS = 50

ALL_BUT_TRANSCRIPTS = """
topic readwrite #
topic deny appliance/kitchen/transcript
topic deny lamp/set
"""


def assert_once_in_order(said: list[Received], count: int = TURNS) -> None:
    """Assert that each of so many turns was delivered, in order, and none twice."""
    ids = Counter(message.value["id"] for message in said)
    assert [message.value["text"] for message in said] == [f"turn {n}" for n in range(1, count + 1)]
    assert set(ids.values()) == {1}


def restart(broker: Broker, _listener: Listener) -> None:
    broker.stop()
    broker.start()


def kill(broker: Broker, listener: Listener) -> None:
    # It would forget what it has acknowledged, and not delivered or written down yet.
    listener.wait_for("/transcript", TURNS // 2 + 1)
    broker.save()
    broker.kill()
    broker.start()


def freeze(broker: Broker, _listener: Listener) -> None:
    broker.freeze()
    time.sleep(2)
    broker.thaw()


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [restart, kill, freeze])
def test_turns_outlast_a_broker_in_trouble(
    broker: Broker, listener: Listener, trouble: Callable[[Broker, Listener], None]
) -> None:
    with RunningClient(broker.settings) as running:
        for number in range(TURNS):
            running.say()
            if number == TURNS // 2:
                listener.wait_for("/transcript", number // 2)
                trouble(broker, listener)
            time.sleep(0.01)
        running.wait_until_delivered()
        assert_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_said_while_the_broker_is_away_follow(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        broker.stop()
        for _ in range(TURNS):
            running.say()
        assert running.wait_for(BrokerFailed).fault.what == "No MQTT broker"
        broker.start()
        running.wait_for(BrokerRecovered)
        running.wait_until_delivered()
        assert_once_in_order(listener.wait_for("/transcript", TURNS))


def test_turns_outlast_the_client_too(broker: Broker, listener: Listener) -> None:
    turns = OutgoingTurns()
    for part in range(5):
        with RunningClient(broker.settings, turns) as running:
            for _ in range(TURNS // 5):
                running.say()
            listener.wait_for("/transcript", TURNS // 5 * part + 5)
    with RunningClient(broker.settings, turns) as running:
        running.wait_until_delivered()
    assert_once_in_order(listener.wait_for("/transcript", TURNS))


def test_turns_outlast_a_network_that_breaks_again_and_again(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network:
        settings = replace(broker.settings, port=network.port)
        with RunningClient(settings) as running:
            for number in range(TURNS):
                running.say()
                if number % 15 == 5:
                    listener.wait_for("/transcript", number - 3)
                    network.cut()
            running.wait_until_delivered()
    said = listener.wait_for("/transcript", TURNS)
    # Where a connection breaks between a message and its acknowledgement, nobody can know.
    by_id = list(dict.fromkeys(message.value["id"] for message in said))
    assert by_id == [f"s1-0-{n}" for n in range(1, TURNS + 1)]
    assert len(said) <= TURNS + 4


@pytest.mark.slow
def test_a_slow_broker_gets_what_counts(broker: Broker, listener: Listener) -> None:
    with (
        Proxy(broker.port) as network,
        RunningClient(replace(broker.settings, port=network.port)) as running,
    ):
        listener.wait_for("/state")
        network.throttle(2_000)
        running.say()
        running.wait_until_delivered()
        network.pause()
        for number in range(2_000):
            running.show(Scene(Mode.RECONNECTING if number % 2 else Mode.LISTENING))
        running.say()
        network.resume()
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "reconnecting")
        running.wait_until_delivered()
    assert len(listener.on("/state")) <= 4


@pytest.mark.slow
def test_no_partial_turn_or_event_waits_for_the_broker(broker: Broker, listener: Listener) -> None:
    with RunningClient(replace(broker.settings, partials=True)) as running:
        listener.wait_for("/state")
        broker.stop()
        running.wait_for(BrokerFailed)
        running.client.handle(CommandEnded("s1", "stop", "Stop.", 1.0))
        running.client.show(Scene(Mode.LISTENING))
        broker.start()
        running.wait_for(BrokerRecovered)
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "listening")
        running.say()
        running.wait_until_delivered()
        listener.wait_for("/transcript")
    assert listener.on("/partial") == []
    assert listener.on("/event") == []


def test_a_client_without_power_counts_as_offline(broker: Broker, listener: Listener) -> None:
    with Proxy(broker.port) as network, RunningClient(replace(broker.settings, port=network.port)):
        listener.wait_for("/state")
        network.refuse()
        network.cut()
        assert listener.wait_for("/availability", 2)[-1].payload == b"offline"
        network.accept()
        assert listener.wait_for("/availability", 3)[-1].payload == b"online"


def test_an_old_connection_does_not_make_a_client_look_away(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network, RunningClient(replace(broker.settings, port=network.port)):
        listener.wait_for("/state")
        network.pause()
        with RunningClient(broker.settings):
            listener.wait_for("/state", 2)
            wait_until(lambda: listener.on("/availability")[-1].payload == b"online")
            assert [it.payload for it in listener.on("/availability")] in (
                [b"online", b"online"],
                [b"online", b"offline", b"online"],
            )
        network.resume()


@needs_mosquitto
def test_turns_that_the_broker_refuses_are_kept_until_it_takes_them(tmp_path: Path) -> None:
    with (
        Broker(tmp_path, acl=ALL_BUT_TRANSCRIPTS) as broker,
        Listener(broker.port) as listener,
        Proxy(broker.port) as network,
        RunningClient(replace(broker.settings, port=network.port)) as running,
    ):
        for _ in range(5):
            running.say()
        fault = running.wait_for(BrokerFailed).fault
        assert fault.what == "MQTT refused"
        with pytest.raises(ActionError, match=r"\Athe broker refuses\Z"):
            running.client.publish("lamp/set", "ON")
        assert len(running.turns.read()) == 5
        broker.allow("topic readwrite #")
        network.cut()
        running.wait_until_delivered()
        running.wait_for(BrokerRecovered)
        assert_once_in_order(listener.wait_for("/transcript", 5), 5)
