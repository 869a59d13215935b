import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import appliance
from appliance.settings import Settings, SettingsError, load
from appliance.settings.commands import BY_ACTION
from appliance.settings.load import DEFAULT_PATH, settings_path
from appliance.settings.schema import DRIVERS, MqttSettings
from appliance.settings.validation import AT_THE_TOP

DOCUMENTED = Path(appliance.__file__).parent / "settings" / "appliance.toml"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "appliance.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    return caught.value.problems


def keys(table: dict[str, Any]) -> dict[str, Any]:
    """Return the names of the keys in a table, section by section."""
    return {k: keys(v) if isinstance(v, dict) else None for k, v in table.items()}


# The file that documents the settings


def test_the_documented_defaults_are_the_defaults() -> None:
    assert load(DOCUMENTED) == Settings()


def test_every_key_is_documented_and_nothing_else() -> None:
    documented = tomllib.loads(DOCUMENTED.read_text(encoding="utf-8"))
    # An empty list of commands would keep those behind it from being added.
    assert keys({**documented, "commands": []}) == keys(msgspec.to_builtins(Settings()))


def test_the_documented_commands_work_as_soon_as_their_signs_are_taken_away(write: Write) -> None:
    text = re.sub(r"^#(?=\S)", "", DOCUMENTED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    settings = load(write(text.replace('host = ""', 'host = "broker"')))
    assert {type(command) for command in settings.commands} == set(BY_ACTION.values())
    assert msgspec.structs.replace(settings, commands=(), mqtt=MqttSettings()) == Settings()


def test_every_key_has_a_comment() -> None:
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    paragraphs = "\n".join(lines).split("\n\n")
    for paragraph in paragraphs:
        if "=" in paragraph and not paragraph.startswith("#"):
            assert "# " in paragraph, f"without a word of explanation: {paragraph}"


# What is loaded


def test_without_a_file_every_key_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml") == Settings()


def test_an_empty_file_changes_nothing(write: Write) -> None:
    assert load(write("")) == Settings()


def test_a_key_that_is_set_changes_that_key_alone(write: Write) -> None:
    settings = load(write("[button]\npin = 27\n[microphone]\ndevice = 2\n"))
    assert settings.button.pin == 27
    assert settings.button.hold_time == 3.0
    assert settings.microphone.device == 2
    assert settings.service == Settings().service


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


# What is refused


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nam = 'box'", "unknown key nam (did you mean name?)"),
        ("[button]\npinn = 17", "unknown key button.pinn (did you mean pin?)"),
        (
            "[microphone]\nxyz = 1",
            "unknown key microphone.xyz (known: device)",
        ),
        (
            "name = 'two words'",
            'name = "two words" is not allowed: expected up to 64 letters, digits, - and _',
        ),
        (
            "[button]\npin = 28",
            "button.pin = 28 is not allowed: expected a GPIO number from 0 to 27",
        ),
        (
            "[button]\npull_up = 'yes'",
            'button.pull_up = "yes" is not allowed: expected true or false',
        ),
        (
            "[session]\nauto_stop = -1",
            "session.auto_stop = -1 is not allowed: expected seconds, 0 to 86400",
        ),
        (
            "[session]\nauto_stop = true",
            "session.auto_stop = true is not allowed: expected seconds, 0 to 86400",
        ),
        (
            "[session]\nauto_stop = nan",
            "session.auto_stop = nan is not allowed: expected seconds, 0 to 86400",
        ),
        (
            "[display]\ninterface = 'usb'",
            'display.interface = "usb" is not allowed: expected "i2c" or "spi"',
        ),
        (
            "[service]\nurl = 'https://a.org'",
            'service.url = "https://a.org" is not allowed: expected a ws(s):// address',
        ),
        (
            "[service]\ntoken_url = 'example.org'",
            'service.token_url = "example.org" is not allowed: expected an http(s):// address',
        ),
        (
            "[history]\npath = 'history.db'",
            'history.path = "history.db" is not allowed: expected an absolute path',
        ),
        (
            "[microphone]\ndevice = true",
            "microphone.device = true is not allowed: expected part of a name, an index, or empty",
        ),
        (
            "commands_prefix = 5",
            "commands_prefix = 5 is not allowed: "
            "expected a word or two in quotes, without brackets, or empty",
        ),
        (
            "commands_prefix = '?!'",
            'commands_prefix = "?!" is not allowed: '
            "expected a word or two in quotes, without brackets, or empty",
        ),
        (
            "commands_prefix = '[hey] computer'",
            'commands_prefix = "[hey] computer" is not allowed: '
            "expected a word or two in quotes, without brackets, or empty",
        ),
        (
            "[history]\nkeep_days = 3\ncommands_prefix = 'computer'",
            "history.commands_prefix belongs at the top of the file, before the first [section]",
        ),
        (
            "[mqtt]\nname = 5",
            "mqtt.name belongs at the top of the file, before the first [section]",
        ),
        (
            "[service.parameters]\nspeech_model = 'x'\ncommands_prefix = 'computer'",
            "service.parameters.commands_prefix belongs at the top of the file, "
            "before the first [section]",
        ),
        (
            "[mqtt]\nhost = 'mqtt://broker'",
            'mqtt.host = ... is not allowed: expected a name or an address, without "mqtt://"',
        ),
        (
            "[mqtt]\nport = 65536",
            "mqtt.port = 65536 is not allowed: expected 0 to 65535",
        ),
        (
            "[mqtt]\ntls = 'yes'",
            'mqtt.tls = "yes" is not allowed: '
            "expected true, false, or the path of a file with certificates",
        ),
        (
            "[mqtt]\npassword_file = 'my password'",
            "mqtt.password_file = ... is not allowed: expected an absolute path, or empty",
        ),
        (
            "[mqtt]\ndiscovery_prefix = 'home/#'",
            'mqtt.discovery_prefix = "home/#" is not allowed: '
            "expected a topic without + and #, or empty",
        ),
        ("session = 600", "session is a section: write [session]"),
        ("[[button]]\npin = 17", "button is a section: write [button]"),
    ],
)
def test_a_mistake_names_the_key_the_value_and_what_is_allowed(
    write: Write, text: str, problem: str
) -> None:
    assert problems(write(text)) == [problem]


@pytest.mark.parametrize("driver", ["sdd1306", "ssd1306\\n", "ws0010", ""])
def test_an_unknown_driver_is_refused_with_those_there_are(write: Write, driver: str) -> None:
    [problem] = problems(write(f'[display]\ndriver = "{driver}"'))
    assert problem.startswith("display.driver = ")
    assert problem.split(": expected ")[1].split(", ") == [f'"{name}"' for name in DRIVERS]


@pytest.mark.parametrize("driver", ["ssd1309", "ssd1327", "terminal", "none"])
def test_every_kind_of_driver_is_taken(write: Write, driver: str) -> None:
    assert load(write(f"[display]\ndriver = '{driver}'")).display.driver == driver


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    text = "nam = 'x'\n[button]\npin = 99\npul_up = true\n[display]\nlines = 40\n"
    told = problems(write(text))
    assert [problem.split(" is ")[0].split(" (")[0] for problem in told] == [
        "unknown key nam",
        "button.pin = 99",
        "unknown key button.pul_up",
        "display.lines = 40",
    ]


def test_every_key_refuses_a_value_of_another_kind_in_words(write: Write) -> None:
    """No key's description of what is allowed is missing or a type of Python's."""
    for section, table in msgspec.to_builtins(Settings()).items():
        lines = [f"{key} = 1979-05-27" for key in table] if isinstance(table, dict) else []
        text = "\n".join([f"[{section}]", *lines] if lines else [f"{section} = 1979-05-27"])
        told = problems(write(text))
        assert len(told) == max(1, len(lines))
        for problem in told:
            if section == "commands":
                assert problem == "commands is a list of tables: write [[commands]]"
                continue
            hidden = "_file = " in problem or problem.startswith("mqtt.host = ")
            shown = "..." if hidden else "1979-05-27"
            assert f" = {shown} is not allowed: expected " in problem
            assert "msgspec" not in problem
            assert "typing" not in problem


def test_a_file_that_is_no_toml_is_told_with_its_line(write: Write) -> None:
    [problem] = problems(write("[button]\npin = \n"))
    assert problem.startswith("is not valid TOML: ")
    assert "line 2" in problem


def test_a_file_that_nests_without_end_is_told(write: Write) -> None:
    [problem] = problems(write("a = " + "[" * 100_000))
    assert problem.startswith("is not valid TOML: ")


@pytest.mark.parametrize("key", ["api_key", "token_secret"])
def test_what_is_left_of_a_secret_on_the_card_is_told_without_it(write: Write, key: str) -> None:
    [problem] = problems(write(f'[service]\n{key} = "not usable"'))
    assert problem == f"service.{key} can't be used: write it on the card again, in quotes"


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.write_bytes(b"\xff\xfe")
    assert problems(path)[0].startswith("is not valid TOML: ")


def test_a_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["can't be read: Is a directory"]


# Where things are


def test_the_named_file_goes_first_then_the_environment_then_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("APPLIANCE_CONFIG", raising=False)
    assert settings_path() == DEFAULT_PATH
    monkeypatch.setenv("APPLIANCE_CONFIG", "/somewhere/else.toml")
    assert settings_path() == Path("/somewhere/else.toml")
    assert settings_path("/named.toml") == Path("/named.toml")
    monkeypatch.chdir(tmp_path)
    assert settings_path("named.toml") == tmp_path / "named.toml"


def test_state_lies_beside_the_history_unless_systemd_says_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert Settings().spool == Path("/var/lib/appliance/spool")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/elsewhere")
    assert Settings().spool == Path("/var/lib/elsewhere/spool")


def test_a_key_written_where_its_file_belongs_is_not_shown(write: Write) -> None:
    [problem] = problems(write("[service]\napi_key_file = 'abc123'"))
    assert "abc123" not in problem
    assert "service.api_key_file" in problem


@pytest.mark.parametrize(
    "text",
    [
        "[mqtt]\nhost = 'mqtt://u:geheim@broker'",
        "[mqtt]\nhost = 'u:geheim@broker'",
        "[service]\nurl = 'wss://u:geheim@example.org'",
        "[service]\ntoken_url = 'example.org/token?key=geheim'",
        "[service]\nfallback_token_url = 'u:geheim@example.org'",
    ],
)
def test_a_secret_in_an_address_is_not_shown(write: Write, text: str) -> None:
    [problem] = problems(write(text))
    assert "geheim" not in problem
    assert " = ... is not allowed: expected a" in problem


def test_what_belongs_at_the_top_is_all_that_is_no_section() -> None:
    top = {name for name, value in msgspec.to_builtins(Settings()).items() if value == str(value)}
    assert top == set(AT_THE_TOP)


@pytest.mark.parametrize("value", ["inf", "nan", "86401"])
def test_a_time_without_end_is_refused(write: Write, value: str) -> None:
    assert problems(write(f"[session]\nbacklog = {value}"))


@pytest.mark.parametrize("url", ["wss://", "wss://host:port/v3/ws", "https://host/v3/ws"])
def test_an_address_that_nobody_could_connect_to_is_refused(write: Write, url: str) -> None:
    assert problems(write(f"[service]\nurl = '{url}'"))


def test_the_fallback_may_be_none_but_not_just_anything(write: Write) -> None:
    assert load(write("[service]\nfallback_url = ''")).service.fallback_url == ""
    settings = load(write("[service]\nfallback_url = 'ws://house:8765/v3/ws'"))
    assert settings.service.fallback_url == "ws://house:8765/v3/ws"
    assert problems(write("[service]\nfallback_url = 'house'")) == [
        'service.fallback_url = "house" is not allowed: expected a ws(s):// address, or empty'
    ]


@pytest.mark.parametrize("url", ["wss://eu.example/v3/ws", "ws://[::1]:8765/v3/ws", "ws://box:1"])
def test_addresses_with_and_without_a_port_are_taken(write: Write, url: str) -> None:
    assert load(write(f"[service]\nurl = '{url}'")).service.url == url


@pytest.mark.parametrize("host", ["broker", "homeassistant.local", "192.168.1.2", "fe80::1", ""])
def test_a_broker_has_a_name_or_an_address(write: Write, host: str) -> None:
    assert load(write(f"[mqtt]\nhost = '{host}'")).mqtt.host == host


@pytest.mark.parametrize(
    ("text", "port"),
    [("", 1883), ("tls = true", 8883), ("tls = '/etc/ca.pem'", 8883), ("port = 1\ntls = true", 1)],
)
def test_without_a_port_the_brokers_is_the_usual_one(write: Write, text: str, port: int) -> None:
    assert load(write(f"[mqtt]\n{text}")).mqtt.usual_port == port


def test_a_light_is_a_pin_or_none(write: Write) -> None:
    assert load(write("[light]\npin = 27")).light.pin == 27
    assert load(write("[light]\npin = 'none'")).light.pin == "none"
    assert len(problems(write("[light]\npin = 28"))) == 1
