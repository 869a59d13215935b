"""The client and a real broker: what is published on which topic, and which commands act."""

import logging
import subprocess
import sys
import time

import pytest
from msgspec.structs import replace

from appliance.core.command_events import AlertHeard, CommandEnded, Request, Requested
from appliance.core.events import MicrophoneFailed, MicrophoneOpened, SpeakersSaved
from appliance.core.faults import Fault
from appliance.core.speakers import Speaker
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings import Settings
from appliance.settings.commands import Bookmark
from tests.mqtt.broker import Broker, Listener
from tests.mqtt.running_client import NAME, RunningClient
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

COMMAND = f"appliance/{NAME}/command"


# What it publishes


def test_an_appliance_introduces_itself(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings):
        state = listener.wait_for("/state")[0]
    assert state.value == {
        "state": "ready",
        "session": "OFF",
        "status": "Ready: press to start",
        "fault": None,
        "network": True,
        "microphone": None,
        "version": state.value["version"],
    }
    order = [message.topic for message in listener.received]
    assert order[:3] == [
        f"appliance/{NAME}/availability",
        f"homeassistant/device/appliance_{NAME}/config",
        f"appliance/{NAME}/state",
    ]
    assert all(message.qos == 1 for message in listener.received)


def test_who_comes_later_finds_state_availability_and_device(broker: Broker) -> None:
    with RunningClient(broker.settings), Listener(broker.port, "early") as early:
        early.wait_for("/state")
        with Listener(broker.port, "late") as late:
            late.wait_for("/state")
            late.wait_for("/availability")
            late.wait_for("/config")
            assert all(message.retained for message in late.received)


def test_the_state_follows_the_scene_at_most_twice_a_second(
    broker: Broker, listener: Listener
) -> None:
    scenes = [Scene(Mode.LISTENING, elapsed=n / 10, level=n / 40) for n in range(40)]
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        began_at = time.monotonic()
        for number, scene in enumerate(scenes):
            mode = Mode.LISTENING if number % 2 else Mode.RECONNECTING
            running.show(replace(scene, mode=mode))
            time.sleep(0.03)
        lasted = time.monotonic() - began_at
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "listening")
        assert len(listener.on("/state")) <= 3 + lasted / 0.5


def test_what_changes_each_second_is_not_published(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        for second in range(20):
            running.show(
                Scene(
                    Mode.LISTENING,
                    elapsed=second,
                    level=second / 20,
                    waiting=second,
                    hint=f"Silence: stopping in {20 - second} s",
                    power_off_in=second % 3,
                )
            )
        listener.wait_for("/state")
        running.show(Scene(Mode.FINISHING))
        states = listener.wait_for("/state", 2)
    assert [state.value["status"] for state in states] == ["Listening", "Finishing"]


def test_a_fault_and_the_microphone_are_published(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        running.client.handle(MicrophoneOpened("USB microphone", 48_000))
        running.show(Scene(Mode.LISTENING))
        wait_until(
            lambda: (
                [it.value["microphone"] for it in listener.on("/state")][-1:] == ["USB microphone"]
            )
        )
        fault = Fault("No microphone", "plug one in")
        running.client.handle(MicrophoneFailed(fault))
        running.show(Scene(Mode.READY, fault=fault))
        wait_until(lambda: listener.on("/state")[-1].value["microphone"] is None)
        state = listener.on("/state")[-1].value
    assert state["fault"] == "No microphone"
    assert state["status"] == "No microphone: plug one in"


def test_finished_turns_are_published_in_order_and_once(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        for _ in range(20):
            running.say()
        running.wait_until_delivered()
    said = listener.wait_for("/transcript", 20)
    assert [message.value["text"] for message in said] == [f"turn {n}" for n in range(1, 21)]
    assert said[0].value.keys() == {"id", "session", "text", "started", "ended"}
    assert not any(message.retained for message in said)


def test_a_turn_is_published_as_it_is_formatted(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings, settling_time=600) as running:
        listener.wait_for("/state")
        turn = running.say("turn on the lamp")
        running.turns.change(turn, "Turn on the lamp.")
        running.commit(formatted=(turn.origin, turn.order))
        said = listener.wait_for("/transcript")
    assert [message.value["text"] for message in said] == ["Turn on the lamp."]


def test_a_turn_that_waits_is_published_with_the_speaker_that_is_known_by_then(
    broker: Broker, listener: Listener
) -> None:
    with RunningClient(broker.settings, settling_time=600) as running:
        listener.wait_for("/state")
        turn = running.say("good morning")
        running.turns.change(turn, "good morning", Speaker("B"))
        running.client.handle(SpeakersSaved("s1"))
        (changed,) = running.turns.read()
        running.turns.change(changed, "Good morning.", Speaker("B", name="Anna"))
        running.commit(formatted=(turn.origin, turn.order))
        said = listener.wait_for("/transcript")
    assert [message.value["speaker"] for message in said] == ["Anna"]


def test_partial_turns_are_published_when_wanted_and_not_too_often(
    broker: Broker, listener: Listener
) -> None:
    with RunningClient(replace(broker.settings, partials=True)) as running:
        listener.wait_for("/state")
        began_at = time.monotonic()
        for number in range(50):
            running.show(Scene(Mode.LISTENING, turns=(ShownTurn("so", f"many {number}"),)))
            time.sleep(0.02)
        lasted = time.monotonic() - began_at
        wait_until(lambda: listener.on("/partial")[-1].value == {"text": "so many 49"})
        assert 2 <= len(listener.on("/partial")) <= 2 + lasted / 0.25
        running.show(Scene(Mode.SAVED))
        wait_until(lambda: listener.on("/partial")[-1].value == {"text": ""})


def test_partial_turns_are_not_published_by_default(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        running.show(Scene(Mode.LISTENING, turns=(ShownTurn("so", "many"),)))
        running.say()
        running.wait_until_delivered()
    assert listener.on("/partial") == []


def test_the_end_of_a_command_is_an_event(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        running.client.handle(CommandEnded("s1", "turn on the lamp", "Turn on the lamp.", 2.0))
        running.client.handle(CommandEnded("s1", "stop", "Stop!", 3.0, "too late"))
        events = listener.wait_for("/event", 2)
    assert [event.value for event in events] == [
        {"event_type": "turn on the lamp", "words": "Turn on the lamp.", "outcome": "done"},
        {"event_type": "stop", "words": "Stop!", "outcome": "too late"},
    ]


def test_a_word_that_calls_the_reader_is_an_event(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        running.client.handle(AlertHeard("s1", "Anna", "Well, anna", 2.0))
        [event] = listener.wait_for("/alert", 1)
    assert event.value == {"event_type": "Anna", "words": "Well, anna"}


def test_commands_of_the_settings_are_in_the_description(
    broker: Broker, listener: Listener
) -> None:
    settings = Settings(commands=(Bookmark(phrase="mark [that]"),))
    with RunningClient(broker.settings, settings=settings):
        described = listener.wait_for("/config")[0].value
    assert described["components"]["command_heard"]["event_types"] == ["mark that"]


def test_an_appliance_describes_itself_again_when_home_assistant_starts(
    broker: Broker, listener: Listener
) -> None:
    with RunningClient(broker.settings):
        listener.wait_for("/config")
        listener.publish("homeassistant/status", "offline")
        listener.publish("homeassistant/status", "online")
        first, second = listener.wait_for("/config", 2)
    assert first.payload == second.payload


def test_without_a_prefix_no_device_is_described(broker: Broker, listener: Listener) -> None:
    with RunningClient(replace(broker.settings, discovery_prefix="")) as running:
        running.say()
        running.wait_until_delivered()
    assert {message.topic.partition("/")[0] for message in listener.received} == {"appliance"}


# Commands


@pytest.mark.parametrize("wanted", [Request.START, Request.STOP, Request.PRESS, Request.CLEAR])
def test_a_command_becomes_a_request(broker: Broker, listener: Listener, wanted: Request) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        listener.publish(COMMAND, wanted.value)
        assert running.wait_for(Requested) == Requested(wanted)


def test_a_flood_of_commands_is_no_flood_of_requests(
    broker: Broker, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with RunningClient(broker.settings) as running, caplog.at_level(logging.INFO):
        listener.wait_for("/state")
        began_at = time.monotonic()
        for number in range(300):
            listener.publish(COMMAND, "bigger")
            listener.publish(COMMAND, ("start", "stop", "press")[number % 3])
        listener.publish(COMMAND, "clear")
        while running.wait_for(Requested) != Requested(Request.CLEAR):
            pass
        lasted = time.monotonic() - began_at
    lines = [it.getMessage() for it in caplog.records if "MQTT command" in it.getMessage()]
    assert len([line for line in lines if "b'bigger'" in line]) <= 1 + lasted / 60
    assert len(lines) <= 4 + lasted


def test_home_assistant_that_starts_again_and_again_gets_one_description_a_second(
    broker: Broker, listener: Listener
) -> None:
    with RunningClient(broker.settings):
        listener.wait_for("/config")
        began_at = time.monotonic()
        for _ in range(300):
            listener.publish("homeassistant/status", "online")
        listener.wait_for("/config", 2)
        assert len(listener.on("/config")) <= 2 + time.monotonic() - began_at


def test_a_retained_start_does_not_open_the_microphone(
    broker: Broker, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.publish(COMMAND, "start", retain=True)
    with RunningClient(broker.settings) as running, caplog.at_level(logging.WARNING):
        listener.wait_for("/state")
        listener.publish(COMMAND, "clear")
        assert running.wait_for(Requested) == Requested(Request.CLEAR)
    assert "ignored: it is retained" in caplog.text


def test_a_command_that_came_meanwhile_is_not_done_late(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings):
        listener.wait_for("/state")
    listener.publish(COMMAND, "start")
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state", 3)
        listener.publish(COMMAND, "stop")
        assert running.wait_for(Requested) == Requested(Request.STOP)


def test_until_it_starts_nothing_of_paho_is_loaded() -> None:
    code = "import appliance.mqtt.client, sys;print(*{'paho', 'ssl'}.intersection(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.strip() == ""
