"""paho client: messages that can't be sent, a peer that speaks no MQTT, and leftover threads."""

import contextlib
import gc
import random
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.core.errors import ActionError
from appliance.core.faults import Fault
from appliance.mqtt.broker_connection import BrokerConnection
from appliance.mqtt.errors import BrokerError
from appliance.settings.schema import MqttSettings
from tests.mqtt.broker import Broker, Listener, needs_mosquitto
from tests.mqtt.fake_brokers import LET_IN, FakeBroker
from tests.mqtt.running_client import thread_of
from tests.mqtt.test_broker_connection import at, connected, failure_of, try_until_lost
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

UNSUBACK = bytes.fromhex("b0 04 12 34 00 00")
MESSAGE = bytes.fromhex("30 05 00 01 61 00 78")


def test_a_file_too_long_for_a_password_is_reported() -> None:
    fault = failure_of(replace(at(1), username="box"), "-----BEGIN CERTIFICATE-----\n" * 100)
    assert fault == Fault("MQTT refused", "check mqtt.password_file", "it holds over 1024 bytes")


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "ü" * 100])
def test_an_impossible_host_is_reported(host: str) -> None:
    assert failure_of(MqttSettings(host=host)).what == "No MQTT broker"


def test_a_name_too_long_for_mqtt_is_reported() -> None:
    with FakeBroker(LET_IN) as broker:
        fault = failure_of(replace(broker.settings, username="x" * 70_000))
    assert fault.remedy == "check mqtt.username and its password"


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone.pem"
    fault = failure_of(replace(at(1), tls=str(gone)))
    assert fault == Fault(
        "MQTT not trusted", "check mqtt.tls", f"{gone}: No such file or directory"
    )


def test_certificates_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "my.pem").write_text("none")
    fault = failure_of(replace(at(1), tls=str(tmp_path / "my.pem")))
    assert fault.remedy == "check mqtt.tls"
    assert fault.detail.startswith(f"{tmp_path}/my.pem: ")


NOISE = random.Random(1)


@pytest.mark.parametrize(
    "junk",
    [
        UNSUBACK,  # an answer to what was never asked
        bytes.fromhex("90 04 12 34 00 01"),
        bytes.fromhex("40 02 12 34"),
        bytes.fromhex("30 05 00 02 ff fe 00"),  # a topic that is no text
        bytes.fromhex("30 05 ff ff 61 62 00"),
        bytes.fromhex("40 04 00 01 42 00"),  # a reason that does not exist
        bytes.fromhex("90 06 00 01 03 26 00 ff"),
        bytes.fromhex("e0 02 8e 00"),  # another one of our name came
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        *(NOISE.randbytes(200) for _ in range(20)),
    ],
)
def test_whatever_a_broker_sends_is_no_unhandled_error(junk: bytes) -> None:
    with FakeBroker(LET_IN + junk) as broker:
        connection = BrokerConnection(broker.settings, "", "box")
        with contextlib.suppress(BrokerError):
            connection.open()
            connection.publish("box/state", b"x")
            connection.subscribe(["box/command"])
            for _ in range(3):
                connection.wait(0.05)
        connection.drop()


def test_a_flood_of_answers_to_nothing_ends_the_connection() -> None:
    with FakeBroker(LET_IN, repeat=UNSUBACK) as broker:
        connection = BrokerConnection(broker.settings, "", "box")
        connection.open()
        wait_until(lambda: thread_of("paho-mqtt-client-box") is None)  # reads no more
        with pytest.raises(BrokerError):
            try_until_lost(connection, "box/state")


def test_a_flood_of_messages_does_not_delay_the_end() -> None:
    came: list[str] = []
    with FakeBroker(LET_IN, repeat=MESSAGE) as broker:
        connection = BrokerConnection(
            broker.settings, "", "box", receive=lambda topic, _payload, _: came.append(topic)
        )
        connection.open()
        wait_until(lambda: came)
        connection.drop()
        wait_until(lambda: broker.ended)


@needs_mosquitto
def test_what_failed_while_nobody_took_answers_is_not_published_later(
    broker: Broker, listener: Listener
) -> None:
    with connected(broker.settings) as connection:
        with pytest.raises(ActionError, match="no answer from the broker"):
            connection.publish_awaited("lamp/set", b"ON", 0.1)
        with pytest.raises(BrokerError):
            try_until_lost(connection, "box/state")
        listener.publish("box/after", "x")
        listener.wait_for("box/after")
    assert listener.on("lamp/set") == []


def test_no_socket_waits_for_the_garbage_collector() -> None:
    with FakeBroker(LET_IN) as broker:
        gc.disable()
        before = open_files()
        for _ in range(5):
            with connected(broker.settings) as connection:
                connection.publish("box/state", b"x")
        after = open_files()
        gc.enable()
    assert after <= before + 1  # the fake's last one


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with FakeBroker(LET_IN) as broker, connected(broker.settings):
        pass
    assert set(threading.enumerate()) <= before
