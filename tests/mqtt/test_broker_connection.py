"""One connection: what the broker refuses, holds back, answers late, or does not know."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.core.errors import ActionError
from appliance.core.faults import Fault
from appliance.mqtt.broker_connection import BrokerConnection
from appliance.mqtt.errors import BrokerError
from appliance.mqtt.paho_client import MAX_PACKET_BYTES
from appliance.settings.schema import MqttSettings
from tests.mqtt.broker import Broker, Listener, needs_mosquitto
from tests.mqtt.fake_brokers import LET_IN, OLDER_ONLY, FakeBroker, OlderBroker
from tests.rig.proxy import Proxy

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

ANYTHING = "topic readwrite #"

UNSUBACK = bytes.fromhex("b0 04 12 34 00 00")
MESSAGE = bytes.fromhex("30 05 00 01 61 00 78")


@contextlib.contextmanager
def connected(settings: MqttSettings, *, older: bool = False) -> Iterator[BrokerConnection]:
    connection = BrokerConnection(settings, "", "box", older=older)
    connection.open()
    try:
        yield connection
    finally:
        connection.drop()


def at(port: int) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port)


def wait_for(
    connection: BrokerConnection, done: Callable[[], object], within: float = 20.0
) -> None:
    until = time.monotonic() + within
    while not done():
        assert time.monotonic() < until
        connection.wait(0.1)


def outcome_of(connection: BrokerConnection, topic: str) -> str:
    """Publish something; return the broker's answer."""
    answers: list[str] = []
    connection.publish(topic, b"x", answers.append)
    wait_for(connection, lambda: answers)
    return answers[0] or "taken"


def publish_awaited(
    connection: BrokerConnection, timeout: float = 20.0, count: int = 1
) -> list[str]:
    """Publish "ON" on threads of their own; return how each ended."""
    ended: list[str] = []

    def publish() -> None:
        try:
            connection.publish_awaited("lamp/set", b"ON", timeout)
            ended.append("taken")
        except ActionError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=publish) for _ in range(count)]
    for thread in threads:
        thread.start()
    with contextlib.suppress(BrokerError):
        wait_for(connection, lambda: len(ended) == count)
    for thread in threads:
        thread.join()
    return ended


def try_until_lost(connection: BrokerConnection, topic: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        connection.publish(topic, b"x")
        connection.wait(0.1)


def failure_of(settings: MqttSettings, password: str = "") -> Fault:
    connection = BrokerConnection(settings, password, "box")
    with pytest.raises(BrokerError) as failure:
        connection.open()
    return failure.value.fault


# What the broker does not allow


@needs_mosquitto
def test_what_may_not_be_written_is_reported(tmp_path: Path) -> None:
    acl = "topic readwrite appliance/other/#"
    with Broker(tmp_path, acl=acl) as broker, connected(broker.settings) as connection:
        assert outcome_of(connection, "appliance/other/state") == "taken"
        assert connection.refusal is None
        assert outcome_of(connection, "appliance/box/state") == "Not authorized"
        assert connection.all_answered
        address = connection.address
        assert connection.refusal == Fault(
            "MQTT refused",
            "let it write appliance/box/#",
            f"{address}: may not write appliance/box/state: Not authorized",
        )
        connection.wait(0.1)  # it goes on


@needs_mosquitto
def test_once_it_is_allowed_the_connection_begins_again(tmp_path: Path) -> None:
    with Broker(tmp_path, acl="topic read #") as broker:
        with connected(broker.settings) as connection:
            assert outcome_of(connection, "appliance/box/state") == "Not authorized"
            broker.allow(ANYTHING)
            with pytest.raises(BrokerError, match="appliance/box/state is allowed now"):
                try_until_lost(connection, "appliance/box/state")
        with connected(broker.settings) as connection:
            assert outcome_of(connection, "appliance/box/state") == "taken"
            assert connection.refusal is None


@needs_mosquitto
def test_what_a_command_may_not_write_is_the_commands_business(tmp_path: Path) -> None:
    with Broker(tmp_path, acl="topic read #") as broker, connected(broker.settings) as connection:
        assert publish_awaited(connection) == ["the broker refuses"]
        assert connection.refusal is None


def test_what_may_not_be_read_is_reported() -> None:
    with FakeBroker(LET_IN + bytes.fromhex("90 04 00 01 00 87")) as broker:
        connection = BrokerConnection(broker.settings, "", "box")
        connection.open()
        connection.subscribe(["appliance/box/command"])
        wait_for(connection, lambda: connection.refusal)
        connection.drop()
    assert connection.refusal
    assert connection.refusal.remedy == "let it read appliance/box/command"


# How large a message may be


@needs_mosquitto
def test_what_would_fill_the_memory_is_not_taken(broker: Broker, listener: Listener) -> None:
    came: list[bytes] = []
    connection = BrokerConnection(
        broker.settings, "", "box", receive=lambda _topic, payload, _: came.append(payload)
    )
    connection.open()
    connection.subscribe(["box/command"])
    outcome_of(connection, "box/ready")
    listener.publish("box/command", "x" * 1_000_000)
    listener.publish("box/command", "x" * MAX_PACKET_BYTES)
    listener.publish("box/command", "clear")
    wait_for(connection, lambda: came)
    connection.close(1.0)
    assert came == [b"clear"]


# Brokers that know only MQTT 3.1.1


@needs_mosquitto
def test_an_older_broker_is_spoken_to_as_it_knows(broker: Broker, listener: Listener) -> None:
    with OlderBroker(broker.port, OLDER_ONLY) as older:
        with connected(at(older.port)) as connection:
            assert connection.older
            assert outcome_of(connection, "box/state") == "taken"
            listener.wait_for("box/state")
        with connected(at(older.port), older=connection.older) as connection:
            assert connection.older
    assert older.versions == [5, 4, 4]


@needs_mosquitto
def test_one_that_hangs_up_instead_is_asked_both_ways_again(broker: Broker) -> None:
    with OlderBroker(broker.port, b"") as older:
        for _ in range(2):
            with connected(at(older.port)) as connection:
                assert not connection.older  # it may have been the network
                assert outcome_of(connection, "box/state") == "taken"
    assert older.versions == [5, 4, 5, 4]


# What must not arrive late


@needs_mosquitto
def test_awaited_messages_arrive(broker: Broker, listener: Listener) -> None:
    with connected(broker.settings) as connection:
        assert publish_awaited(connection, count=2) == ["taken", "taken"]
        assert len(listener.wait_for("lamp/set", 2)) == 2


@needs_mosquitto
@pytest.mark.parametrize("older", [False, True])
def test_a_hanging_broker_gets_nothing_late(
    broker: Broker, listener: Listener, older: bool
) -> None:
    with connected(broker.settings, older=older) as connection:
        broker.freeze()
        assert publish_awaited(connection, timeout=0.5) == ["no answer from the broker"]
        assert not connection.is_open
        broker.thaw()
        listener.publish("box/after", "x")
        listener.wait_for("box/after")
    assert listener.on("lamp/set") == []


@needs_mosquitto
def test_a_connection_that_is_closed_takes_no_more_messages(broker: Broker) -> None:
    with connected(broker.settings) as connection:
        connection.close(1.0)
        assert publish_awaited(connection) == ["no broker"]


@needs_mosquitto
def test_what_a_network_holds_back_is_gone_with_the_connection(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network:
        connection = BrokerConnection(replace(broker.settings, port=network.port), "", "box")
        connection.open()
        network.pause()
        for number in range(50):
            connection.publish("lamp/set", b"%d" % number * 100_000)
        connection.drop()
        network.resume()
        listener.publish("box/after", "x")
        listener.wait_for("box/after")
    assert len(listener.on("lamp/set")) < 50


def test_a_lost_connection_is_aborted_and_one_that_is_closed_says_goodbye() -> None:
    with FakeBroker(LET_IN) as broker:
        for end in (BrokerConnection.drop, lambda it: it.close(0.0)):
            connection = BrokerConnection(broker.settings, "", "box")
            connection.open()
            end(connection)
    assert broker.ended == ["ConnectionResetError", "closed"]
    assert broker.received.endswith(bytes.fromhex("e0 00"))
