"""A broker that lets the appliance in, but does not let it read or write all it must."""

from pathlib import Path

import pytest

from appliance.core.errors import ActionError
from appliance.core.events import BrokerFailed, BrokerRecovered
from appliance.mqtt.errors import AccessRefusals
from appliance.screen.scene import Mode, Scene
from tests.mqtt.broker import Broker, Listener, needs_mosquitto
from tests.mqtt.running_client import NAME, RunningClient
from tests.rig.waiting import wait_until

READ_ALONE = "topic read #"
READ_AND_WRITE = "topic readwrite #"


def wait_until_logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    wait_until(lambda: text in caplog.text)


def may_write(listener: Listener) -> bool:
    """Return whether the broker takes what it is sent."""
    listener.publish("probe", "")
    return bool(listener.on("probe"))


@needs_mosquitto
def test_turns_wait_until_they_are_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker(tmp_path, acl=READ_ALONE) as broker, Listener(broker.port) as listener:
        with RunningClient(broker.settings) as running:
            turn = running.say()
            fault = running.wait_for(BrokerFailed).fault
            assert (fault.what, fault.remedy) == (
                "MQTT refused",
                f"let it write appliance/{NAME}/#",
            )
            for topic in ("state", "transcript"):
                wait_until_logged(caplog, f"may not write appliance/{NAME}/{topic}")
            assert running.turns.read() == [turn]
            assert running.posted.empty()  # it is reported once
            broker.allow(READ_AND_WRITE)
            wait_until(lambda: may_write(listener))
            running.show(Scene(Mode.LISTENING))
            running.wait_for(BrokerRecovered)
            running.wait_until_delivered()
        assert [it.value["text"] for it in listener.wait_for("/transcript")] == ["turn 1"]
        assert b"online" in [it.payload for it in listener.on("/availability")]


@needs_mosquitto
def test_publishing_what_the_broker_refuses_fails(tmp_path: Path) -> None:
    acl = f"topic readwrite appliance/{NAME}/#\ntopic readwrite homeassistant/#"
    with (
        Broker(tmp_path, acl=acl) as broker,
        Listener(broker.port) as listener,
        RunningClient(broker.settings) as running,
    ):
        listener.wait_for("/state")
        with pytest.raises(ActionError, match=r"\Athe broker refuses\Z"):
            running.client.publish("lamp/set", "ON")
        assert running.posted.empty()


def test_the_first_refusal_is_reported_until_it_is_allowed() -> None:
    refusals = AccessRefusals("broker:1883")
    assert refusals.fault is None
    refusals.add("write", "appliance/kitchen/state", "Not authorized")
    refusals.add("read", "homeassistant/status", "Quota exceeded")
    assert refusals.fault
    assert refusals.fault.remedy == "let it write appliance/kitchen/#"
    assert refusals.remove("appliance/kitchen/state")
    assert not refusals.remove("appliance/kitchen/state")
    assert refusals.fault
    assert refusals.fault.remedy == "see the broker's settings"
    assert refusals.fault.detail == (
        "broker:1883: may not read homeassistant/status: Quota exceeded"
    )
