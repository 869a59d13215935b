"""Valid tables under [[commands]], and the problems of invalid ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.settings import SettingsError, load
from appliance.settings.commands import (
    BY_ACTION,
    Bigger,
    Bookmark,
    Brighter,
    Clear,
    Command,
    Darker,
    Gpio,
    Mqtt,
    Note,
    Smaller,
    Stop,
    Webhook,
)

Load = Callable[[str], tuple[Command, ...]]

BROKER = "[mqtt]\nhost = 'broker'\n"
ACTIONS = ", ".join(f'"{action}"' for action in BY_ACTION)


@pytest.fixture
def commands(tmp_path: Path) -> Load:
    """Return the commands of a settings file with this text."""

    def commands(text: str) -> tuple[Command, ...]:
        path = tmp_path / "appliance.toml"
        path.write_text(text, encoding="utf-8")
        return load(path).commands

    return commands


def command(text: str) -> str:
    return f"[[commands]]\nphrase = 'do it'\n{text}\n"


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        ("action = 'stop'", Stop(phrase="do it")),
        ("action = 'clear'", Clear(phrase="do it")),
        ("action = 'bigger'", Bigger(phrase="do it")),
        ("action = 'smaller'", Smaller(phrase="do it")),
        ("action = 'brighter'", Brighter(phrase="do it")),
        ("action = 'darker'", Darker(phrase="do it")),
        ("action = 'mark'", Bookmark(phrase="do it")),
        ("action = 'note'", Note(phrase="do it")),
        (
            "action = 'gpio'\npin = 22\nstate = 'on'",
            Gpio(phrase="do it", pin=22, state="on", seconds=0.5),
        ),
        (
            "action = 'gpio'\npin = 0\nstate = 'pulse'\nseconds = 3600",
            Gpio(phrase="do it", pin=0, state="pulse", seconds=3600),
        ),
        ("action = 'gpio'\npin = 27\nstate = 'off'", Gpio(phrase="do it", pin=27, state="off")),
        (
            "action = 'gpio'\npin = 22\nstate = 'toggle'",
            Gpio(phrase="do it", pin=22, state="toggle"),
        ),
        ("action = 'mqtt'\ntopic = 'a/b'", Mqtt(phrase="do it", topic="a/b", payload="")),
        (
            "action = 'mqtt'\ntopic = 'ä b'\npayload = '{\"on\": true}'",
            Mqtt(phrase="do it", topic="ä b", payload='{"on": true}'),
        ),
        (
            "action = 'webhook'\nurl = 'https://user:word@lamp.local:8123/on?x=1'",
            Webhook(phrase="do it", url="https://user:word@lamp.local:8123/on?x=1"),
        ),
    ],
)
def test_each_action_has_its_own_keys(commands: Load, text: str, loaded: Command) -> None:
    assert commands(BROKER + command(text)) == (loaded,)


def test_a_command_may_have_several_phrases_and_is_named_by_the_first(commands: Load) -> None:
    [lamp] = commands(
        "[[commands]]\nphrase = ['turn on [the]  lamp', 'let there be light']\naction = 'clear'"
    )
    assert lamp.phrases == ("turn on [the]  lamp", "let there be light")
    assert lamp.name == "turn on the lamp"


def test_commands_keep_their_order(commands: Load) -> None:
    text = "".join(
        f"[[commands]]\nphrase = '{action} now'\naction = '{action}'\n"
        for action in ("darker", "stop", "mark")
    )
    assert commands(text) == (
        Darker(phrase="darker now"),
        Stop(phrase="stop now"),
        Bookmark(phrase="mark now"),
    )


@pytest.mark.parametrize("text", ["", "commands = []"])
def test_commands_are_optional(commands: Load, text: str) -> None:
    assert commands(text) == ()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("commands = 1", ["commands is a list of tables: write [[commands]]"]),
        ("commands = ['stop']", ["commands is a list of tables: write [[commands]]"]),
        (
            "[commands]\nphrase = 'x'\naction = 'stop'",
            ["commands is a list of tables: write [[commands]]"],
        ),
        (command(""), [f"commands[1].action is missing: write one of {ACTIONS}"]),
        (
            command("action = 'dance'"),
            [f'commands[1].action = "dance" is not allowed: expected {ACTIONS}'],
        ),
        (
            command("action = 5"),
            [f"commands[1].action = 5 is not allowed: expected {ACTIONS}"],
        ),
        (
            "[[commands]]\naction = 'stop'",
            ["commands[1].phrase is missing: write text in quotes, or a list of such texts"],
        ),
        (
            "[[commands]]\nphrase = 5\naction = 'stop'",
            [
                "commands[1].phrase = 5 is not allowed: "
                "expected text in quotes, or a list of such texts"
            ],
        ),
        (
            "[[commands]]\nphrase = ''\naction = 'stop'",
            [
                'commands[1].phrase = "" is not allowed: '
                "expected text in quotes, or a list of such texts"
            ],
        ),
        (
            "[[commands]]\nphrase = []\naction = 'stop'",
            [
                "commands[1].phrase = [] is not allowed: "
                "expected text in quotes, or a list of such texts"
            ],
        ),
        (
            command("action = 'webhook'\nurl = 'http://lamp.local/a b'"),
            ["commands[1].url = ... is not allowed: expected an http(s):// address"],
        ),
        (
            "[[commands]]\nphrase = '?!'\naction = 'stop'",
            ['commands[1].phrase = "?!" is not allowed: it has no word that must be said'],
        ),
        (
            "[[commands]]\nphrase = ['stop', 'stop [it']\naction = 'stop'",
            ['commands[1].phrase = "stop [it" is not allowed: its brackets don\'t match'],
        ),
        (
            command("action = 'stop'\npin = 22"),
            ["unknown key commands[1].pin (known: phrase)"],
        ),
        (
            command("action = 'gpio'"),
            [
                "commands[1].pin is missing: write a GPIO number from 0 to 27",
                'commands[1].state is missing: write "on", "off", "toggle" or "pulse"',
            ],
        ),
        (
            command("action = 'gpio'\npin = 28\nstate = 'blink'\nseconds = 0\nsecond = 1"),
            [
                "commands[1].pin = 28 is not allowed: expected a GPIO number from 0 to 27",
                'commands[1].state = "blink" is not allowed: '
                'expected "on", "off", "toggle" or "pulse"',
                "commands[1].seconds = 0 is not allowed: expected seconds, 0.01 to 3600",
                "unknown key commands[1].second (did you mean seconds?)",
            ],
        ),
        (
            command("action = 'gpio'\npin = true\nstate = 'on'"),
            ["commands[1].pin = true is not allowed: expected a GPIO number from 0 to 27"],
        ),
        (
            command("action = 'gpio'\npin = 22\nstate = 'pulse'\nseconds = nan"),
            ["commands[1].seconds = nan is not allowed: expected seconds, 0.01 to 3600"],
        ),
        *(
            (
                command(f"action = 'gpio'\npin = 22\nstate = '{state}'\nseconds = 0.5"),
                ['commands[1].seconds belongs to state = "pulse": write that, or leave it out'],
            )
            for state in ("on", "off", "toggle")
        ),
        (
            command("action = 'stop'\ncommands_prefix = 'computer'"),
            [
                "commands[1].commands_prefix belongs at the top of the file, "
                "before the first [section]"
            ],
        ),
        (
            BROKER + command("action = 'mqtt'"),
            ["commands[1].topic is missing: write a topic without + and #"],
        ),
        (
            BROKER + command("action = 'mqtt'\ntopic = 'a/#'\npayload = 1"),
            [
                'commands[1].topic = "a/#" is not allowed: expected a topic without + and #',
                "commands[1].payload = 1 is not allowed: expected text in quotes",
            ],
        ),
        (
            command("action = 'webhook'"),
            ["commands[1].url is missing: write an http(s):// address"],
        ),
        (
            command("action = 'stop'") + command("action = 'dance'"),
            [f'commands[2].action = "dance" is not allowed: expected {ACTIONS}'],
        ),
    ],
)
def test_every_problem_has_a_sentence(commands: Load, text: str, problems: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        commands(text)
    assert refused.value.problems == problems


def test_an_address_that_may_hold_a_secret_is_not_shown(commands: Load) -> None:
    with pytest.raises(SettingsError) as refused:
        commands(command("action = 'webhook'\nurl = 'lamp.local/api/webhook/geheim'"))
    assert refused.value.problems == [
        "commands[1].url = ... is not allowed: expected an http(s):// address"
    ]
    assert "geheim" not in str(refused.value)
