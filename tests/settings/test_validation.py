import msgspec
import pytest

from appliance.settings import Settings
from appliance.settings.validation import TOP_LEVEL_KEYS
from tests.settings.files import Write, problems_of


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
def test_a_problem_names_the_key_the_value_and_what_is_allowed(
    write: Write, text: str, problem: str
) -> None:
    assert problems_of(write(text)) == [problem]


def test_every_key_refuses_a_value_of_another_kind_in_words(write: Write) -> None:
    """No key's description of what is allowed is missing or a type of Python's."""
    for section, table in msgspec.to_builtins(Settings()).items():
        lines = [f"{key} = 1979-05-27" for key in table] if isinstance(table, dict) else []
        text = "\n".join([f"[{section}]", *lines] if lines else [f"{section} = 1979-05-27"])
        found = problems_of(write(text))
        assert len(found) == max(1, len(lines))
        for problem in found:
            if section == "commands":
                assert problem == "commands is a list of tables: write [[commands]]"
                continue
            hidden = "_file = " in problem or problem.startswith("mqtt.host = ")
            shown = "..." if hidden else "1979-05-27"
            assert f" = {shown} is not allowed: expected " in problem
            assert "msgspec" not in problem
            assert "typing" not in problem


@pytest.mark.parametrize("key", ["api_key", "token_secret"])
def test_an_unusable_secret_of_the_card_is_reported_but_not_shown(write: Write, key: str) -> None:
    [problem] = problems_of(write(f'[service]\n{key} = "not usable"'))
    assert problem == f"service.{key} can't be used: write it on the card again, in quotes"


def test_a_key_in_place_of_its_file_is_not_shown(write: Write) -> None:
    [problem] = problems_of(write("[service]\napi_key_file = 'abc123'"))
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
    [problem] = problems_of(write(text))
    assert "geheim" not in problem
    assert " = ... is not allowed: expected a" in problem


def test_top_level_keys_are_all_keys_without_a_section() -> None:
    top = {name for name, value in msgspec.to_builtins(Settings()).items() if value == str(value)}
    assert top == set(TOP_LEVEL_KEYS)
