"""The whole program: what it publishes of a session, and how a command begins and ends one."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.history import reader
from appliance.screen.scene import Mode
from appliance.settings.commands import Mqtt
from tests.mqtt.broker import Broker, Listener
from tests.rig.box import Box, settings_for
from tests.rig.recognizer import spoken
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.slow

SCRIPT = [(0.5, "the kettle is"), (2.0, "on the stove")]

TOPIC = "appliance/appliance"


def test_a_session_is_begun_published_and_ended_over_mqtt(
    sound: PipeMicrophone, tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    with ScriptedService(spoken(SCRIPT)) as service:
        settings = settings_for(service.url, service.token_url, tmp_path)
        settings = replace(settings, mqtt=replace(broker.settings, partials=True))
        with Box(settings) as box:
            wait_until(lambda: states(listener)[-1:] == ["ready"])
            listener.publish(f"{TOPIC}/command", "start")
            wait_until(lambda: states(listener)[-1:] == ["listening"])
            box.wait_for_words("kettle", "stove")
            listener.publish(f"{TOPIC}/command", "stop")
            wait_until(lambda: "saved" in states(listener))
            said = listener.wait_for("/transcript", 2)
            database = Path(settings.history.path)
            wait_until(lambda: reader.outgoing_turns(database) == [])
    kept = [turn.text for session in reader.sessions(database) for turn in session.turns]
    assert [message.value["text"] for message in said] == kept
    assert [message.value["session"] for message in said] == [kept_session(database)] * 2
    partials = [message.value["text"].lower() for message in listener.on("/partial")]
    assert any("the kettle" in text for text in partials)
    assert listener.on("/availability")[-1].payload == b"offline"


def test_a_spoken_command_is_published(
    sound: PipeMicrophone, tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    lamp = Mqtt(phrase="on the stove", topic="kitchen/stove/set", payload="OFF")
    with ScriptedService(spoken(SCRIPT)) as service:
        settings = settings_for(service.url, service.token_url, tmp_path)
        settings = replace(settings, mqtt=broker.settings, commands=(lamp,))
        with Box(settings) as box:
            listener.wait_for("/state")
            box.press()
            (switched,) = listener.wait_for("/set")
            (event,) = listener.wait_for("/event")
            box.press()
            box.wait_for(Mode.SAVED)
    assert (switched.topic, switched.payload) == ("kitchen/stove/set", b"OFF")
    assert event.value["event_type"] == "on the stove"
    assert event.value["outcome"] == "done"


def states(listener: Listener) -> list[str]:
    return [message.value["state"] for message in listener.on("/state")]


def kept_session(database: Path) -> str:
    (session,) = reader.sessions(database)
    return session.id
