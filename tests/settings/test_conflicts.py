"""Commands that are valid alone and conflict with each other or with other settings."""

from pathlib import Path

import pytest

from appliance.settings import SettingsError, load
from appliance.settings.commands import Bookmark, Clear, Command, Gpio, Mqtt, Name, Note, Stop
from appliance.settings.conflicts import conflicts
from appliance.settings.schema import AlertSettings
from tests.settings.files import Write, problems_of

LAMP = Gpio(phrase="turn on [the] lamp", pin=22, state="on")
RADIO = Mqtt(phrase="turn on the radio", topic="radio", payload="on")


def test_commands_without_conflict() -> None:
    off = Gpio(phrase="turn off [the] lamp", pin=22, state="off")
    assert conflicts([LAMP, off, RADIO, Stop(phrase="lamp")], {17: "the button"}, True) == []


@pytest.mark.parametrize("phrase", ["turn on the lamp", "Turn on LAMP!", "turn [it] on the lamp"])
def test_a_phrase_that_means_two_commands(phrase: str) -> None:
    assert conflicts([Bookmark(phrase="mark"), LAMP, Clear(phrase=phrase)], {}, False) == [
        f'"{phrase}" means commands[2] and commands[3]'
    ]


def test_a_note_that_begins_like_another_command() -> None:
    commands: list[Command] = [Note(phrase="note"), Bookmark(phrase=("mark", "note"))]
    assert conflicts(commands, {}, False) == ['"note" means commands[1] and commands[2]']


def test_a_command_may_have_the_same_phrase_twice() -> None:
    assert conflicts([Stop(phrase=("stop", "stop [it]", "Stop!"))], {}, False) == []


def test_an_mqtt_command_needs_a_broker() -> None:
    assert conflicts([LAMP, RADIO], {}, False) == ["commands[2] needs a broker: set mqtt.host"]


def test_a_pin_that_is_in_use_is_refused() -> None:
    assert conflicts([LAMP], {17: "the button", 22: "the light"}, False) == [
        "commands[1].pin = 22 is taken by the light"
    ]


def test_a_pin_is_active_high_or_low_but_not_both() -> None:
    low = Gpio(phrase="lamp off", pin=22, state="off", active_high=False)
    assert conflicts([LAMP, low], {}, has_broker=False) == [
        "commands[2].active_high differs from that of an earlier command's pin"
    ]


def test_an_invalid_phrase_is_reported_with_the_other_conflicts() -> None:
    commands: list[Command] = [Stop(phrase=("stop [it", "[stop]")), RADIO]
    assert conflicts(commands, {}, False) == [
        'commands[1].phrase = "stop [it" is not allowed: its brackets don\'t match',
        'commands[1].phrase = "[stop]" is not allowed: it has no word that must be said',
        "commands[2] needs a broker: set mqtt.host",
    ]


@pytest.mark.parametrize(
    "phrase", ["computer stop", "Computer, stop!", "[hey] computer", "computer"]
)
def test_a_phrase_must_not_begin_with_the_prefix(phrase: str) -> None:
    commands: list[Command] = [
        Bookmark(phrase="turn off the computer"),
        Stop(phrase=("end", phrase)),
    ]
    assert conflicts(commands, {}, False) == []
    assert conflicts(commands, {}, False, prefix="computer") == [
        f'commands[2].phrase = "{phrase}" is not allowed: '
        "it begins with commands_prefix, which is said before it anyway"
    ]
    assert conflicts(commands, {}, False, prefix="hey computers") == []


def test_a_phrase_with_the_prefix_is_refused_when_the_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    stop = '[[commands]]\nphrase = "computer stop"\naction = "stop"\n'
    path.write_text(f'commands_prefix = "Computer"\n{stop}', encoding="utf-8")
    with pytest.raises(SettingsError, match="begins with commands_prefix"):
        load(path)


@pytest.mark.parametrize(
    ("pin", "text", "owner"),
    [
        (17, "", "the button"),
        (27, "[button]\npin = 27", "the button"),
        (22, "[light]\npin = 22", "the light"),
        (2, "", "the display"),
        (3, "[display]\ndriver = 'sh1106'", "the display"),
        (0, "[display]\nport = 0", "the display"),
        (1, "[display]\nport = 0", "the display"),
        (24, "[display]\ninterface = 'spi'", "the display"),
        (11, "[display]\ninterface = 'spi'\nport = 0", "the display"),
        (18, "[display]\ninterface = 'spi'\nport = 1", "the display"),
    ],
)
def test_a_pin_of_button_light_or_display_is_refused(
    tmp_path: Path, pin: int, text: str, owner: str
) -> None:
    path = tmp_path / "appliance.toml"
    lamp = f"[[commands]]\nphrase = 'on'\naction = 'gpio'\npin = {pin}\nstate = 'on'\n"
    path.write_text(lamp + text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(path)
    assert refused.value.problems == [f"commands[1].pin = {pin} is taken by {owner}"]


@pytest.mark.parametrize(
    ("pin", "text"),
    [
        (17, "[button]\npin = 27"),
        (2, "[display]\ndriver = 'terminal'"),
        (3, "[display]\ninterface = 'spi'"),
        (1, ""),
        (2, "[display]\nport = 0"),
        (3, "[display]\nport = 22"),
    ],
)
def test_other_pins_may_be_switched(tmp_path: Path, pin: int, text: str) -> None:
    path = tmp_path / "appliance.toml"
    lamp = f"[[commands]]\nphrase = 'on'\naction = 'gpio'\npin = {pin}\nstate = 'on'\n"
    path.write_text(lamp + text, encoding="utf-8")
    assert load(path).commands == (Gpio(phrase="on", pin=pin, state="on"),)


def test_a_name_needs_speakers_that_are_told_apart() -> None:
    name = Name(phrase="{letter} is {name}")
    assert conflicts([name], {}, False) == []
    assert conflicts([name], {}, False, has_speakers=False) == [
        'commands[1] needs speakers: set session.speakers = "letter"'
    ]


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("speaker is {name}", "it needs {letter}, once"),
        ("{letter} or {letter} is {name}", "it needs {letter}, once"),
        ("speaker {letter}", "it needs {name}, once"),
        ("[{letter}] is {name}", "what stands in for words can't be optional"),
        ("{letter} {name}", "it has no word that must be said"),
        ("[speaker] {letter} {name}", "it has no word that must be said"),
    ],
)
def test_a_name_has_both_slots_and_a_word_that_must_be_said(phrase: str, why: str) -> None:
    assert conflicts([Name(phrase=phrase)], {}, False) == [
        f'commands[1].phrase = "{phrase}" is not allowed: {why}'
    ]


def test_other_commands_have_no_slots() -> None:
    assert conflicts([Stop(phrase="{name} stop")], {}, False) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[alert]\npin = 17", "alert.pin = 17 is taken by the button"),
        ("[light]\npin = 27\n[alert]\npin = 27", "alert.pin = 27 is taken by the light"),
        ("[alert]\npin = 2", "alert.pin = 2 is taken by the display"),
        (
            "[alert]\npin = 22\n"
            '[[commands]]\nphrase = "lamp"\naction = "gpio"\npin = 22\nstate = "on"',
            "commands[1].pin = 22 is taken by the alert",
        ),
        ('[alert]\nwords = "Anna"', 'alert.words = "Anna" is not allowed: expected a list'),
        ('[alert]\nwords = [""]', "alert.words = "),
        ('[alert]\nwords = ["?!"]', "alert.words = "),
    ],
)
def test_an_alert_takes_no_pin_of_another_part_and_words_that_can_be_said(
    write: Write, text: str, problem: str
) -> None:
    [found] = problems_of(write(text))
    assert found.startswith(problem)


def test_an_alert_may_have_a_pin_of_its_own(write: Write) -> None:
    settings = load(write('[alert]\nwords = ["Anna", "安娜"]\npin = 22\n'))
    assert settings.alert == AlertSettings(words=("Anna", "安娜"), pin=22)
