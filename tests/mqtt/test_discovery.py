import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from appliance.mqtt import discovery
from appliance.mqtt.topics import Topics
from appliance.screen.scene import Mode
from appliance.settings import Settings

SCHEMA = json.loads(Path(__file__).with_name("discovery.schema.json").read_text())

TOPICS = Topics("kitchen-Table", "homeassistant")


def device(topics: Topics = TOPICS, *commands: str, alerts: tuple[str, ...] = ()) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(discovery.device(topics, commands, alerts))
    return payload


def check(payload: object) -> None:
    jsonschema.validate(payload, SCHEMA, jsonschema.Draft202012Validator)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("commands", [(), ("turn on the lamp", "mark that")])
@pytest.mark.parametrize("name", ["appliance", "kitchen-Table", "2", "-_-"])
def test_an_appliance_is_described_as_home_assistant_wants_it(
    name: str, commands: tuple[str, ...]
) -> None:
    check(device(Topics(name, "homeassistant"), *commands))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it.pop("device"),
        lambda it: it.pop("origin"),
        lambda it: it.update(qos=1, colour="red"),
        lambda it: it["device"].pop("identifiers"),
        lambda it: it["device"].update(serial="1"),
        lambda it: it["origin"].pop("name"),
        lambda it: it["availability"][0].pop("topic"),
        lambda it: it["components"]["session"].pop("unique_id"),
        lambda it: it["components"]["session"].pop("command_topic"),
        lambda it: it["components"]["session"].update(payload_press="x"),
        lambda it: it["components"]["session"].update(platform="toggle"),
        lambda it: it["components"]["session"].update(default_entity_id="sensor.x"),
        lambda it: it["components"]["session"].update(icon="microphone"),
        lambda it: it["components"]["session"].update(qos=3),
        lambda it: it["components"]["state"].update(options=[]),
        lambda it: it["components"]["state"].pop("device_class"),
        lambda it: it["components"]["state"].update(unit_of_measurement="s"),
        lambda it: it["components"]["state"].update(entity_category="config"),
        lambda it: it["components"]["state"].update(state_topic="a/#"),
        lambda it: it["components"]["last_words"].update(value_template="{{ value_json.text"),
        lambda it: it["components"]["command_heard"].pop("event_types"),
        lambda it: it["components"]["command_heard"].update(unique_id="x", state_topic=None),
        lambda it: it["components"]["clear"].update(state_topic="a/b"),
        lambda it: it["components"]["network"].update(device_class="wifi"),
        lambda it: it["components"]["version"].update(object_id="version"),
    ],
)
def test_the_schema_notices_what_home_assistant_would_not_understand(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    payload = device(TOPICS, "turn on the lamp")
    check(payload)
    spoil(payload)
    with pytest.raises(jsonschema.ValidationError):
        check(payload)


def test_the_device_has_all_its_entities() -> None:
    components = device(TOPICS, "turn on the lamp", alerts=("Anna",))["components"]
    check(device(TOPICS, "turn on the lamp", alerts=("Anna",)))
    assert {
        (it["platform"], it["name"], it.get("entity_category")) for it in components.values()
    } == {
        ("switch", "Session", None),
        ("sensor", "State", None),
        ("sensor", "Last words", None),
        ("event", "Command heard", None),
        ("event", "Called", None),
        ("button", "Clear screen", None),
        ("sensor", "Version", "diagnostic"),
        ("binary_sensor", "Network", "diagnostic"),
        ("sensor", "Microphone", "diagnostic"),
    }
    assert all("icon" in it or "device_class" in it for it in components.values())


def test_the_device_is_called_as_people_would_call_it() -> None:
    assert device()["device"]["name"] == "Kitchen Table"
    assert device(Topics("-_-", ""))["device"]["name"] == "-_-"


def test_entities_of_two_appliances_have_different_names() -> None:
    def identities(name: str) -> set[str]:
        components = device(Topics(name, ""), "stop", alerts=("Anna",))["components"].values()
        return {it["unique_id"] for it in components}

    assert len(identities("a") | identities("b")) == 18


def test_every_state_that_there_is_may_be_shown() -> None:
    options = device()["components"]["state"]["options"]
    assert options == [mode.value.capitalize() for mode in Mode]


def test_a_command_is_an_event_of_its_name() -> None:
    components = device(TOPICS, "turn on the lamp", "stop", "stop")["components"]
    assert components["command_heard"]["event_types"] == ["turn on the lamp", "stop"]


def test_a_word_that_calls_is_an_event_of_its_name() -> None:
    components = device(alerts=("Anna", "grandma", "Anna"))["components"]
    assert components["alert"]["event_types"] == ["Anna", "grandma"]
    assert components["alert"]["state_topic"] == "appliance/kitchen-Table/alert"


def test_without_commands_and_alerts_their_events_are_taken_back() -> None:
    components = device()["components"]
    assert components["command_heard"] == components["alert"] == {"platform": "event"}


def test_topics_are_those_of_the_settings() -> None:
    topics = Topics.of(Settings(name="hall"))
    assert topics.discovery == "homeassistant/device/appliance_hall/config"
    assert topics.birth == "homeassistant/status"
    assert topics.state == "appliance/hall/state"
