"""Home Assistant's description of an appliance: one device, found by itself.

Source: https://www.home-assistant.io/integrations/mqtt/, "Device discovery payload", and the pages
of its platforms.
"""

from collections.abc import Sequence

import msgspec

from appliance import __version__
from appliance.core.command_events import Request
from appliance.mqtt.payloads import OFF, ON
from appliance.mqtt.topics import OFFLINE, ONLINE, Topics
from appliance.screen.scene import Mode

Component = dict[str, object]

MAX_STATE_LENGTH = 255
"""Characters that a state may have in Home Assistant."""

_COMPONENTS: dict[str, Component] = {
    "session": {
        "platform": "switch",
        "name": "Session",
        "icon": "mdi:microphone-message",
        "state_topic": "state",
        "value_template": "{{ value_json.session }}",
        "state_on": ON,
        "state_off": OFF,
        "command_topic": "command",
        "payload_on": Request.START.value,
        "payload_off": Request.STOP.value,
    },
    "state": {
        "platform": "sensor",
        "name": "State",
        "icon": "mdi:closed-caption-outline",
        "device_class": "enum",
        "options": [mode.value.capitalize() for mode in Mode],
        "state_topic": "state",
        "value_template": "{{ value_json.state | capitalize }}",
        "json_attributes_topic": "state",
        "json_attributes_template": (
            "{{ {'status': value_json.status, 'fault': value_json.fault} | tojson }}"
        ),
    },
    "last_words": {
        "platform": "sensor",
        "name": "Last words",
        "icon": "mdi:format-quote-close",
        "state_topic": "transcript",
        "value_template": (
            f"{{{{ value_json.text | truncate({MAX_STATE_LENGTH}, false, '…', 0) }}}}"
        ),
        "json_attributes_topic": "transcript",
    },
    "command_heard": {
        "platform": "event",
        "name": "Command heard",
        "icon": "mdi:account-voice",
        "event_types": [],
        "state_topic": "event",
    },
    "alert": {
        "platform": "event",
        "name": "Called",
        "icon": "mdi:bell-ring",
        "event_types": [],
        "state_topic": "alert",
    },
    "clear": {
        "platform": "button",
        "name": "Clear screen",
        "icon": "mdi:eraser",
        "command_topic": "command",
        "payload_press": Request.CLEAR.value,
    },
    "version": {
        "entity_category": "diagnostic",
        "platform": "sensor",
        "name": "Version",
        "icon": "mdi:tag-outline",
        "state_topic": "state",
        "value_template": "{{ value_json.version }}",
    },
    "network": {
        "entity_category": "diagnostic",
        "platform": "binary_sensor",
        "name": "Network",
        "device_class": "connectivity",
        "state_topic": "state",
        "value_template": f"{{{{ '{ON}' if value_json.network else '{OFF}' }}}}",
        "payload_on": ON,
        "payload_off": OFF,
    },
    "microphone": {
        "entity_category": "diagnostic",
        "platform": "sensor",
        "name": "Microphone",
        "icon": "mdi:microphone",
        "state_topic": "state",
        "value_template": "{{ value_json.microphone }}",
    },
}
"""The entities of the device. A topic is named by its attribute in `Topics`."""


def device(topics: Topics, commands: Sequence[str], alerts: Sequence[str] = ()) -> bytes:
    """Return the payload that describes an appliance.

    Args:
        topics: of the appliance.
        commands: names of its spoken commands.
        alerts: words that call the reader. Without any, as without commands, an entity that earlier
            settings had for them goes.
    """
    components = {key: _component(topics, key, values) for key, values in _COMPONENTS.items()}
    for key, types in (("command_heard", commands), ("alert", alerts)):
        if types:
            components[key]["event_types"] = list(dict.fromkeys(types))
        else:
            components[key] = {"platform": "event"}
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
        "components": components,
    }
    return msgspec.json.encode(payload)


def _component(topics: Topics, key: str, values: Component) -> Component:
    identity = f"{topics.identity}_{key}"
    entity = identity.lower().replace("-", "_")
    component = {
        name: getattr(topics, str(value)) if name.endswith("_topic") else value
        for name, value in values.items()
    }
    return component | {
        "unique_id": identity,
        "default_entity_id": f"{component['platform']}.{entity}",
        "qos": 1,
    }


def _for_people(name: str) -> str:
    """Return the name of an appliance as people write it: "kitchen-table" is "Kitchen table"."""
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]
