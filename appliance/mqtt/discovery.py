"""What Home Assistant makes of a box: one device, found by itself.

Source: https://www.home-assistant.io/integrations/mqtt/, "Device discovery payload", and the pages
of its platforms.
"""

from collections.abc import Sequence

import msgspec

from appliance import __version__
from appliance.core.events import Request
from appliance.mqtt.payloads import OFF, OFFLINE, ON, ONLINE
from appliance.mqtt.topics import Topics
from appliance.screen.scene import Mode

Component = dict[str, object]

LONGEST_STATE = 255
"""Characters that a state may have in Home Assistant."""

_DIAGNOSTIC: Component = {"entity_category": "diagnostic"}


def device(topics: Topics, commands: Sequence[str]) -> bytes:
    """Return the payload that describes a box; `commands` are the names of what may be said."""
    payload = {
        "device": {
            "identifiers": [topics.identity],
            "name": _for_people(topics.name),
            "manufacturer": "Voice appliance",
            "model": "Push-button captions",
            "sw_version": __version__,
        },
        "origin": {"name": "voice-appliance", "sw_version": __version__},
        "availability": [
            {
                "topic": topics.availability,
                "payload_available": ONLINE.decode(),
                "payload_not_available": OFFLINE.decode(),
            }
        ],
        "components": {
            key: _with_identity(topics, key, component)
            for key, component in _components(topics, commands).items()
        },
    }
    return msgspec.json.encode(payload)


def _components(topics: Topics, commands: Sequence[str]) -> dict[str, Component]:
    return {
        "session": _session(topics),
        "state": _state(topics),
        "last_words": _last_words(topics),
        "command_heard": _command_heard(topics, commands),
        "clear": _clear(topics),
        "version": _version(topics),
        "network": _network(topics),
        "microphone": _microphone(topics),
    }


def _session(topics: Topics) -> Component:
    return {
        "platform": "switch",
        "name": "Session",
        "icon": "mdi:microphone-message",
        "state_topic": topics.state,
        "value_template": "{{ value_json.session }}",
        "state_on": ON,
        "state_off": OFF,
        "command_topic": topics.command,
        "payload_on": Request.START.value,
        "payload_off": Request.STOP.value,
    }


def _state(topics: Topics) -> Component:
    return {
        "platform": "sensor",
        "name": "State",
        "icon": "mdi:closed-caption-outline",
        "device_class": "enum",
        "options": [mode.value.capitalize() for mode in Mode],
        "state_topic": topics.state,
        "value_template": "{{ value_json.state | capitalize }}",
        "json_attributes_topic": topics.state,
        "json_attributes_template": (
            "{{ {'status': value_json.status, 'fault': value_json.fault} | tojson }}"
        ),
    }


def _last_words(topics: Topics) -> Component:
    return {
        "platform": "sensor",
        "name": "Last words",
        "icon": "mdi:format-quote-close",
        "state_topic": topics.transcript,
        "value_template": f"{{{{ value_json.text | truncate({LONGEST_STATE}, false, '…', 0) }}}}",
        "json_attributes_topic": topics.transcript,
    }


def _command_heard(topics: Topics, commands: Sequence[str]) -> Component:
    if not commands:
        return {"platform": "event"}  # so that one from earlier settings goes
    return {
        "platform": "event",
        "name": "Command heard",
        "icon": "mdi:account-voice",
        "event_types": list(dict.fromkeys(commands)),
        "state_topic": topics.event,
    }


def _clear(topics: Topics) -> Component:
    return {
        "platform": "button",
        "name": "Clear screen",
        "icon": "mdi:eraser",
        "command_topic": topics.command,
        "payload_press": Request.CLEAR.value,
    }


def _version(topics: Topics) -> Component:
    return _DIAGNOSTIC | {
        "platform": "sensor",
        "name": "Version",
        "icon": "mdi:tag-outline",
        "state_topic": topics.state,
        "value_template": "{{ value_json.version }}",
    }


def _network(topics: Topics) -> Component:
    return _DIAGNOSTIC | {
        "platform": "binary_sensor",
        "name": "Network",
        "device_class": "connectivity",
        "state_topic": topics.state,
        "value_template": f"{{{{ '{ON}' if value_json.network else '{OFF}' }}}}",
        "payload_on": ON,
        "payload_off": OFF,
    }


def _microphone(topics: Topics) -> Component:
    return _DIAGNOSTIC | {
        "platform": "sensor",
        "name": "Microphone",
        "icon": "mdi:microphone",
        "state_topic": topics.state,
        "value_template": "{{ value_json.microphone }}",
    }


def _with_identity(topics: Topics, key: str, component: Component) -> Component:
    """Return a component with what tells it from all others; one to be dropped has none."""
    if component.keys() == {"platform"}:
        return component
    identity = f"{topics.identity}_{key}"
    entity = identity.lower().replace("-", "_")
    return component | {
        "unique_id": identity,
        "default_entity_id": f"{component['platform']}.{entity}",
        "qos": 1,
    }


def _for_people(name: str) -> str:
    """Return the name of a box as people write it: "kitchen-table" is "Kitchen table"."""
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]
