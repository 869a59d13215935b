import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import appliance
from appliance.settings import Settings, load
from appliance.settings.commands import BY_ACTION
from appliance.settings.schema import DRIVERS, MqttSettings, SessionSettings
from tests.settings.files import Write, problems_of

DOCUMENTED = Path(appliance.__file__).parent / "settings" / "appliance.toml"


def keys(table: dict[str, Any]) -> dict[str, Any]:
    """Return the names of the keys in a table, section by section."""
    return {k: keys(v) if isinstance(v, dict) else None for k, v in table.items()}


def test_the_documented_defaults_are_the_defaults() -> None:
    assert load(DOCUMENTED) == Settings()


def test_every_key_is_documented_and_nothing_else() -> None:
    documented = tomllib.loads(DOCUMENTED.read_text(encoding="utf-8"))
    # An empty list of commands would keep those behind it from being added.
    assert keys({**documented, "commands": []}) == keys(msgspec.to_builtins(Settings()))


def test_the_documented_commands_are_valid_once_uncommented(write: Write) -> None:
    text = re.sub(r"^#(?=\S)", "", DOCUMENTED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = text.replace('speakers = "none"', 'speakers = "letter"')
    settings = load(write(text.replace('host = ""', 'host = "broker"')))
    assert {type(command) for command in settings.commands} == set(BY_ACTION.values())
    others: dict[str, Any] = {"mqtt": MqttSettings(), "session": SessionSettings()}
    assert msgspec.structs.replace(settings, commands=(), **others) == Settings()


def test_every_key_has_a_comment() -> None:
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    paragraphs = "\n".join(lines).split("\n\n")
    for paragraph in paragraphs:
        if "=" in paragraph and not paragraph.startswith("#"):
            assert "# " in paragraph, f"without a comment: {paragraph}"


def test_seconds_may_be_written_without_a_point(write: Write) -> None:
    assert load(write("[session]\nauto_stop = 0")).session.auto_stop == 0.0


def test_any_parameter_of_the_service_can_be_set(write: Write) -> None:
    text = """
        [service.parameters]
        speech_model = "universal-3-5-pro"
        keyterms_prompt = ["Grünkohl", "Kubernetes"]
        max_turn_silence = 1280
        vad_threshold = 0.4
        speaker_labels = true
    """
    assert load(write(text)).service.parameters == {
        "speech_model": "universal-3-5-pro",
        "keyterms_prompt": ["Grünkohl", "Kubernetes"],
        "max_turn_silence": 1280,
        "vad_threshold": 0.4,
        "speaker_labels": True,
    }


@pytest.mark.parametrize("driver", ["sdd1306", "ssd1306\\n", "ws0010", ""])
def test_an_unknown_driver_is_refused_with_a_list_of_the_known(write: Write, driver: str) -> None:
    [problem] = problems_of(write(f'[display]\ndriver = "{driver}"'))
    assert problem.startswith("display.driver = ")
    assert problem.split(": expected ")[1].split(", ") == [f'"{name}"' for name in DRIVERS]


@pytest.mark.parametrize("driver", ["ssd1309", "ssd1327", "terminal", "none"])
def test_every_kind_of_driver_is_accepted(write: Write, driver: str) -> None:
    assert load(write(f"[display]\ndriver = '{driver}'")).display.driver == driver


def test_state_lies_beside_the_history_unless_systemd_says_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert Settings().spool == Path("/var/lib/appliance/spool")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/elsewhere")
    assert Settings().spool == Path("/var/lib/elsewhere/spool")


@pytest.mark.parametrize("value", ["inf", "nan", "86401"])
def test_an_endless_time_is_refused(write: Write, value: str) -> None:
    assert problems_of(write(f"[session]\nbacklog = {value}"))


@pytest.mark.parametrize("url", ["wss://", "wss://host:port/v3/ws", "https://host/v3/ws"])
def test_an_address_that_can_not_be_connected_to_is_refused(write: Write, url: str) -> None:
    assert problems_of(write(f"[service]\nurl = '{url}'"))


def test_the_fallback_is_a_socket_address_or_none(write: Write) -> None:
    assert load(write("[service]\nfallback_url = ''")).service.fallback_url == ""
    settings = load(write("[service]\nfallback_url = 'ws://house:8765/v3/ws'"))
    assert settings.service.fallback_url == "ws://house:8765/v3/ws"
    assert problems_of(write("[service]\nfallback_url = 'house'")) == [
        'service.fallback_url = "house" is not allowed: expected a ws(s):// address, or empty'
    ]


@pytest.mark.parametrize("url", ["wss://eu.example/v3/ws", "ws://[::1]:8765/v3/ws", "ws://box:1"])
def test_addresses_with_and_without_a_port_are_accepted(write: Write, url: str) -> None:
    assert load(write(f"[service]\nurl = '{url}'")).service.url == url


@pytest.mark.parametrize("host", ["broker", "homeassistant.local", "192.168.1.2", "fe80::1", ""])
def test_a_broker_has_a_name_or_an_address(write: Write, host: str) -> None:
    assert load(write(f"[mqtt]\nhost = '{host}'")).mqtt.host == host


@pytest.mark.parametrize(
    ("text", "port"),
    [("", 1883), ("tls = true", 8883), ("tls = '/etc/ca.pem'", 8883), ("port = 1\ntls = true", 1)],
)
def test_the_brokers_port_has_a_default(write: Write, text: str, port: int) -> None:
    assert load(write(f"[mqtt]\n{text}")).mqtt.port_or_default == port


def test_a_light_is_a_pin_or_none(write: Write) -> None:
    assert load(write("[light]\npin = 27")).light.pin == 27
    assert load(write("[light]\npin = 'none'")).light.pin == "none"
    assert len(problems_of(write("[light]\npin = 28"))) == 1


@pytest.mark.parametrize("speakers", ["none", "dash", "letter"])
def test_speakers_are_shown_in_one_of_these_ways(write: Write, speakers: str) -> None:
    assert load(write(f"[session]\nspeakers = '{speakers}'")).session.speakers == speakers


def test_other_ways_to_show_speakers_are_refused(write: Write) -> None:
    assert problems_of(write("[session]\nspeakers = 'names'")) == [
        'session.speakers = "names" is not allowed: expected "none", "dash" or "letter"'
    ]
