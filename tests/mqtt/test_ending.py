"""End of a client, in any state of its broker."""

import time

import pytest
from msgspec.structs import replace

from appliance.core.events import BrokerFailed
from appliance.mqtt.client import THREAD_END_TIMEOUT
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import MqttSettings
from tests.mqtt.broker import (
    Broker,
    Listener,
    free_port,
)
from tests.mqtt.fake_brokers import MuteBroker
from tests.mqtt.running_client import RunningClient, thread_of
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def ends_soon(running: RunningClient) -> None:
    began_at = time.monotonic()
    running.client.end()
    assert time.monotonic() - began_at < THREAD_END_TIMEOUT + 1


@pytest.mark.slow
def test_the_end_does_not_wait_for_a_broker_that_hangs(broker: Broker, listener: Listener) -> None:
    running = RunningClient(broker.settings)
    running.__enter__()
    listener.wait_for("/state")
    broker.freeze()
    running.say()
    ends_soon(running)
    assert thread_of("mqtt") is None


@pytest.mark.parametrize("tls", [False, True])
def test_the_end_does_not_wait_for_a_broker_that_says_nothing(tls: bool) -> None:
    with MuteBroker() as broker:
        running = RunningClient(replace(broker.settings, tls=tls))
        running.__enter__()
        broker.wait_for_client()
        ends_soon(running)
    wait_until(lambda: thread_of("mqtt") is None)


def test_the_end_does_not_wait_for_the_next_try() -> None:
    running = RunningClient(MqttSettings(host="127.0.0.1", port=free_port()), random=lambda: 1.0)
    running.__enter__()
    running.wait_for(BrokerFailed)
    ends_soon(running)
    assert thread_of("mqtt") is None


def test_a_client_says_goodbye(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        running.show(Scene(Mode.LISTENING))
        wait_until(lambda: [it.value["session"] for it in listener.on("/state")][-1:] == ["ON"])
    assert listener.wait_for("/availability", 2)[-1].payload == b"offline"
    with Listener(broker.port, "late") as late:
        (kept,) = late.wait_for("/availability")
        (state,) = late.wait_for("/state")
    assert (kept.payload, kept.retained) == (b"offline", True)
    assert (state.value["state"], state.value["session"], state.retained) == ("off", "OFF", True)
