"""A box that the broker lets in, but does not let do all it should."""

import time
from pathlib import Path

import pytest

from appliance.core.errors import ActionError
from appliance.core.events import BrokerFailed, BrokerRecovered
from appliance.mqtt.refusals import Refusals
from appliance.screen.scene import Mode, Scene
from tests.mqtt.broker import Broker, Listener, needs_mosquitto
from tests.mqtt.home import NAME, Home

READ_ALONE = "topic read #"
READ_AND_WRITE = "topic readwrite #"


@needs_mosquitto
@pytest.mark.slow
def test_turns_wait_until_they_are_allowed(tmp_path: Path) -> None:
    with Broker(tmp_path, acl=READ_ALONE) as broker, Listener(broker.port) as listener:
        with Home(broker.settings) as home:
            turn = home.say()
            fault = home.wait_for(BrokerFailed).fault
            assert (fault.what, fault.remedy) == (
                "MQTT refused",
                f"let it write appliance/{NAME}/#",
            )
            time.sleep(2.5)  # until the turn has settled, and was refused
            assert home.turns.read() == [turn]
            assert home.posted.empty()  # it is told once
            broker.allow(READ_AND_WRITE)
            time.sleep(0.5)  # until the broker has read it
            home.show(Scene(Mode.LISTENING))
            home.wait_for(BrokerRecovered)
            home.wait_until_delivered()
        assert [it.value["text"] for it in listener.wait_for("/transcript")] == ["turn 1"]
        assert b"online" in [it.payload for it in listener.on("/availability")]


@needs_mosquitto
def test_a_command_is_told_that_the_broker_refuses(tmp_path: Path) -> None:
    acl = f"topic readwrite appliance/{NAME}/#\ntopic readwrite homeassistant/#"
    with (
        Broker(tmp_path, acl=acl) as broker,
        Listener(broker.port) as listener,
        Home(broker.settings) as home,
    ):
        listener.wait_for("/state")
        with pytest.raises(ActionError, match=r"\Athe broker refuses\Z"):
            home.house.publish("lamp/set", "ON")
        assert home.posted.empty()


def test_the_first_of_them_is_told_until_it_is_allowed() -> None:
    refusals = Refusals("broker:1883")
    assert refusals.fault is None
    refusals.note_unwritten("appliance/kitchen/state", "Not authorized")
    refusals.note_unread("homeassistant/status", "Quota exceeded")
    assert refusals.fault
    assert refusals.fault.remedy == "let it write appliance/kitchen/#"
    assert refusals.forget("appliance/kitchen/state")
    assert not refusals.forget("appliance/kitchen/state")
    assert refusals.fault
    assert refusals.fault.remedy == "see the broker's settings"
    assert refusals.fault.detail == (
        "broker:1883: may not read homeassistant/status: Quota exceeded"
    )
