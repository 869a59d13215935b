"""Messages of spoken commands: published at once, or never."""

import threading

import pytest

from appliance.core.errors import ActionError
from appliance.mqtt.broker_connection import UNUSED_TOPIC
from tests.mqtt.broker import (
    Broker,
    Listener,
)
from tests.mqtt.fake_brokers import LET_IN, FakeBroker
from tests.mqtt.running_client import RunningClient
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def test_a_message_is_published(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        running.client.publish("zigbee/lamp/set", "ON")
        (heard,) = listener.wait_for("/set")
    assert (heard.payload, heard.retained, heard.qos) == (b"ON", False, 1)


def test_many_threads_may_publish_at_once(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        threads = [
            threading.Thread(target=running.client.publish, args=(f"lamp/{n}/set", "ON"))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        heard = listener.wait_for("/set", 20)
    assert {message.topic for message in heard} == {f"lamp/{n}/set" for n in range(20)}


def test_without_a_broker_publishing_fails_at_once_and_nothing_is_kept(
    broker: Broker, listener: Listener
) -> None:
    broker.kill()
    with RunningClient(broker.settings) as running:
        with pytest.raises(ActionError, match=r"\Ano broker\Z"):
            running.client.publish("zigbee/lamp/set", "ON")
        broker.start()
        listener.wait_for("/state")
    assert listener.on("/set") == []


def test_publishing_fails_when_the_broker_hangs(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings, answer_timeout=0.5) as running:
        listener.wait_for("/state")
        broker.freeze()
        with pytest.raises(ActionError, match="no answer from the broker"):
            running.client.publish("lamp/set", "ON")
        broker.thaw()
        running.say()
        running.wait_until_delivered()
        listener.wait_for("/transcript")
    assert listener.on("/set") == [], "what was reported to have failed has happened"


def test_publishing_fails_at_once_when_the_broker_goes() -> None:
    failures: list[str] = []
    with FakeBroker(LET_IN) as broker, RunningClient(broker.settings) as running:
        wait_until(lambda: b"/state" in broker.received)

        def publish() -> None:
            with pytest.raises(ActionError) as failure:
                running.client.publish("lamp/set", "ON")
            failures.append(str(failure.value))

        thread = threading.Thread(target=publish)
        thread.start()
        wait_until(lambda: UNUSED_TOPIC.encode() in broker.received)
        broker.hang_up()
        thread.join()
    assert failures == ["no broker"]
