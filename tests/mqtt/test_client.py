"""The box and a real broker: what is said on which topic, and what is heeded."""

import logging
import threading
import time

import pytest
from msgspec.structs import replace

from appliance.core.errors import ActionError
from appliance.core.events import (
    CommandEnded,
    Committed,
    Fault,
    MicrophoneFailed,
    MicrophoneOpened,
    Request,
    Requested,
    TurnReceived,
)
from appliance.core.turns import Covered, Turn
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings import Settings
from appliance.settings.commands import Mark
from tests.mqtt.broker import Broker, Listener
from tests.mqtt.home import NAME, Home
from tests.rig.waiting import wait_until

COMMAND = f"appliance/{NAME}/command"


# What it says


def test_a_box_introduces_itself(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings):
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
    order = [message.topic for message in listener.heard]
    assert order[:3] == [
        f"appliance/{NAME}/availability",
        f"homeassistant/device/appliance_{NAME}/config",
        f"appliance/{NAME}/state",
    ]
    assert all(message.qos == 1 for message in listener.heard)


def test_who_comes_later_finds_state_availability_and_device(broker: Broker) -> None:
    with Home(broker.settings), Listener(broker.port, "early") as early:
        early.wait_for("/state")
        with Listener(broker.port, "late") as late:
            late.wait_for("/state")
            late.wait_for("/availability")
            late.wait_for("/config")
            assert all(message.retained for message in late.heard)


def test_the_state_follows_the_scene_at_most_twice_a_second(
    broker: Broker, listener: Listener
) -> None:
    scenes = [Scene(Mode.LISTENING, elapsed=n / 10, level=n / 40) for n in range(40)]
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        began_at = time.monotonic()
        for number, scene in enumerate(scenes):
            mode = Mode.LISTENING if number % 2 else Mode.RECONNECTING
            home.show(replace(scene, mode=mode))
            time.sleep(0.03)
        lasted = time.monotonic() - began_at
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "listening")
        assert len(listener.on("/state")) <= 3 + lasted / 0.5


def test_what_changes_each_second_is_no_news(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        for second in range(20):
            home.show(
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
        home.show(Scene(Mode.FINISHING))
        states = listener.wait_for("/state", 2)
    assert [state.value["status"] for state in states] == ["Listening", "Finishing"]


def test_a_fault_and_the_microphone_are_told(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        home.house.handle(MicrophoneOpened("USB microphone", 48_000))
        home.show(Scene(Mode.LISTENING))
        wait_until(
            lambda: (
                [it.value["microphone"] for it in listener.on("/state")][-1:] == ["USB microphone"]
            )
        )
        fault = Fault("No microphone", "plug one in")
        home.house.handle(MicrophoneFailed(fault))
        home.show(Scene(Mode.READY, fault=fault))
        wait_until(lambda: listener.on("/state")[-1].value["microphone"] is None)
        state = listener.on("/state")[-1].value
    assert state["fault"] == "No microphone"
    assert state["status"] == "No microphone: plug one in"


def test_finished_turns_are_told_in_order_and_once(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        for _ in range(20):
            home.say()
        home.wait_until_delivered()
    said = listener.wait_for("/transcript", 20)
    assert [message.value["text"] for message in said] == [f"turn {n}" for n in range(1, 21)]
    assert said[0].value.keys() == {"id", "session", "text", "started", "ended"}
    assert not any(message.retained for message in said)


def test_a_turn_is_told_as_it_is_formatted(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        turn = home.say("turn on the lamp")
        home.turns.put_right(turn, "Turn on the lamp.")
        formatted = Turn(0, "Turn on the lamp.", finished=True, formatted=True)
        home.house.handle(TurnReceived("s1", 0, formatted, 0.0, 1.0, Covered()))
        home.house.handle(Committed("s1", Covered()))
        said = listener.wait_for("/transcript")
    assert [message.value["text"] for message in said] == ["Turn on the lamp."]


def test_partial_turns_are_told_when_wanted_and_not_too_often(
    broker: Broker, listener: Listener
) -> None:
    with Home(replace(broker.settings, partials=True)) as home:
        listener.wait_for("/state")
        began_at = time.monotonic()
        for number in range(50):
            home.show(Scene(Mode.LISTENING, turns=(ShownTurn("so", f"many {number}"),)))
            time.sleep(0.02)
        lasted = time.monotonic() - began_at
        wait_until(lambda: listener.on("/partial")[-1].value == {"text": "so many 49"})
        assert 2 <= len(listener.on("/partial")) <= 2 + lasted / 0.25
        home.show(Scene(Mode.SAVED))
        wait_until(lambda: listener.on("/partial")[-1].value == {"text": ""})


def test_partial_turns_are_not_told_unasked(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        home.show(Scene(Mode.LISTENING, turns=(ShownTurn("so", "many"),)))
        home.say()
        home.wait_until_delivered()
    assert listener.on("/partial") == []


def test_the_end_of_a_command_is_an_event(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        home.house.handle(CommandEnded("s1", "turn on the lamp", "Turn on the lamp.", 2.0))
        home.house.handle(CommandEnded("s1", "stop", "Stop!", 3.0, "too late"))
        events = listener.wait_for("/event", 2)
    assert [event.value for event in events] == [
        {"event_type": "turn on the lamp", "words": "Turn on the lamp.", "outcome": "done"},
        {"event_type": "stop", "words": "Stop!", "outcome": "too late"},
    ]


def test_commands_of_the_settings_are_in_the_description(
    broker: Broker, listener: Listener
) -> None:
    settings = Settings(commands=(Mark(phrase="mark [that]"),))
    with Home(broker.settings, settings=settings):
        described = listener.wait_for("/config")[0].value
    assert described["components"]["command_heard"]["event_types"] == ["mark that"]


def test_a_box_describes_itself_again_when_home_assistant_starts(
    broker: Broker, listener: Listener
) -> None:
    with Home(broker.settings):
        listener.wait_for("/config")
        listener.say("homeassistant/status", "offline")
        listener.say("homeassistant/status", "online")
        first, second = listener.wait_for("/config", 2)
    assert first.payload == second.payload


def test_without_a_prefix_no_device_is_described(broker: Broker, listener: Listener) -> None:
    with Home(replace(broker.settings, discovery_prefix="")) as home:
        home.say()
        home.wait_until_delivered()
    assert {message.topic.partition("/")[0] for message in listener.heard} == {"appliance"}


# What it heeds


@pytest.mark.parametrize("wish", [Request.START, Request.STOP, Request.PRESS, Request.CLEAR])
def test_a_wish_from_the_house_is_heeded(broker: Broker, listener: Listener, wish: Request) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        listener.say(COMMAND, f"{wish.value}")
        assert home.wait_for(Requested) == Requested(wish)


def test_a_flood_of_wishes_and_rubbish_is_no_flood_in_the_box(
    broker: Broker, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with Home(broker.settings) as home, caplog.at_level(logging.INFO):
        listener.wait_for("/state")
        began_at = time.monotonic()
        for number in range(300):
            listener.say(COMMAND, "bigger")
            listener.say(COMMAND, ("start", "stop", "press")[number % 3])
        listener.say(COMMAND, "clear")
        while home.wait_for(Requested) != Requested(Request.CLEAR):
            pass
        lasted = time.monotonic() - began_at
    asked = [it.getMessage() for it in caplog.records if "asked over MQTT to" in it.getMessage()]
    assert len([line for line in asked if "b'bigger'" in line]) <= 1 + lasted / 60
    assert len(asked) <= 4 + lasted


def test_home_assistant_that_starts_again_and_again_gets_one_description_a_second(
    broker: Broker, listener: Listener
) -> None:
    with Home(broker.settings):
        listener.wait_for("/config")
        began_at = time.monotonic()
        for _ in range(300):
            listener.say("homeassistant/status", "online")
        listener.wait_for("/config", 2)
        assert len(listener.on("/config")) <= 2 + time.monotonic() - began_at


def test_a_retained_start_does_not_open_the_microphone(
    broker: Broker, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.say(COMMAND, "start", retain=True)
    with Home(broker.settings) as home, caplog.at_level(logging.WARNING):
        listener.wait_for("/state")
        listener.say(COMMAND, "clear")
        assert home.wait_for(Requested) == Requested(Request.CLEAR)
    assert "which is retained: ignored" in caplog.text


def test_what_was_wished_while_away_is_not_done_late(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings):
        listener.wait_for("/state")
    listener.say(COMMAND, "start")
    with Home(broker.settings) as home:
        listener.wait_for("/state", 3)
        listener.say(COMMAND, "stop")
        assert home.wait_for(Requested) == Requested(Request.STOP)


# What commands publish


def test_a_command_publishes_what_it_should(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        home.house.publish("zigbee/lamp/set", "ON")
        (heard,) = listener.wait_for("/set")
    assert (heard.payload, heard.retained, heard.qos) == (b"ON", False, 1)


def test_many_may_publish_at_once(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        threads = [
            threading.Thread(target=home.house.publish, args=(f"lamp/{n}/set", "ON"))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        heard = listener.wait_for("/set", 20)
    assert {message.topic for message in heard} == {f"lamp/{n}/set" for n in range(20)}


def test_without_a_broker_a_command_fails_at_once_and_is_not_kept(
    broker: Broker, listener: Listener
) -> None:
    broker.kill()
    with Home(broker.settings) as home:
        with pytest.raises(ActionError, match=r"\Ano broker\Z"):
            home.house.publish("zigbee/lamp/set", "ON")
        broker.start()
        listener.wait_for("/state")
    assert listener.on("/set") == []
