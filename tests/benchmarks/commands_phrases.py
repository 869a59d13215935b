"""Two hundred phrases that people say to a box and near it; half of them are commands.

One box takes a command whenever it is said by itself; the other one is called "computer", and
takes what follows its name.
"""

import tomllib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from appliance.settings import Settings
from tests.benchmarks.commands_other_talk import OTHER_TALK, UNCALLED

_COMMANDS = """
    [[commands]]
    phrase = ["stop listening", "that is all [for today]"]
    action = "stop"

    [[commands]]
    phrase = "clear [the] screen"
    action = "clear"

    [[commands]]
    phrase = ["bigger [letters]", "make it bigger"]
    action = "bigger"

    [[commands]]
    phrase = ["smaller [letters]", "make it smaller"]
    action = "smaller"

    [[commands]]
    phrase = "brighter [please]"
    action = "brighter"

    [[commands]]
    phrase = "darker [please]"
    action = "darker"

    [[commands]]
    phrase = ["mark this", "remember this [moment]"]
    action = "mark"

    [[commands]]
    phrase = "take a note"
    action = "note"

    [[commands]]
    phrase = ["turn on [the] lamp", "turn the lamp on"]
    action = "gpio"
    pin = 22
    state = "on"

    [[commands]]
    phrase = ["turn off [the] lamp", "turn the lamp off"]
    action = "gpio"
    pin = 22
    state = "off"

    [[commands]]
    phrase = ["turn on [the] radio", "play [some] music"]
    action = "mqtt"
    topic = "kitchen/radio/set"
    payload = "ON"

    [[commands]]
    phrase = ["call [the] nurse", "I need [some] help"]
    action = "webhook"
    url = "http://ward.local/nurse"
"""

# Each line: what the command is called, and what is said for it.

_ALONE = """
    stop listening: Stop listening. / That is all. / That is all for today.
    clear the screen: Clear the screen. / Clear screen!
    bigger letters: Bigger. / Bigger letters. / Make it bigger!
    smaller letters: Smaller. / Smaller letters! / Make it smaller.
    brighter please: Brighter! / Brighter, please.
    darker please: Darker. / Darker, please.
    mark this: Mark this. / Remember this. / Remember this moment!
    take a note: Take a note: the meeting begins at ten. / Take a note, buy milk and bread.
    take a note: Take a note. The key is under the mat. / Take a note: turn on the lamp.
    take a note: Take a note - call the doctor tomorrow. / Take a note.
    turn on the lamp: Turn on the lamp. / Turn on lamp. / Turn the lamp on! / turn ON the LAMP
    turn on the lamp: Turn on... the lamp?
    turn off the lamp: Turn off the lamp. / Turn off lamp. / Turn the lamp off! / Turn-off the lamp
    turn off the lamp: Turn off, the lamp.
    turn on the radio: Turn on the radio. / Turn on radio. / Play some music. / Play music!
    call the nurse: Call the nurse! / Call nurse. / I need help. / I need some help. / I need, help!
"""

_CALLED = """
    stop listening: Computer, stop listening. / Computer, that is all. / Computer! Stop listening!
    stop listening: Thank you all. Computer, that is all for today.
    stop listening: Computer, that is all for today.
    clear the screen: Computer, clear the screen. / Computer, clear screen. / Computer: clear screen
    clear the screen: I have read that. Computer, clear the screen.
    bigger letters: Computer, bigger. / Computer, bigger letters. / Computer, make it bigger.
    bigger letters: I can't read this. Computer, bigger letters.
    smaller letters: Computer, smaller. / Computer, smaller letters. / Computer, make it smaller.
    smaller letters: That is too big. Computer, make it smaller!
    brighter please: Computer, brighter. / Computer, brighter, please. / COMPUTER, BRIGHTER PLEASE
    brighter please: It is dark in here. Computer, brighter. / Here, computer: brighter!
    darker please: Computer, darker. / Computer, darker, please. / computer darker
    mark this: Computer, mark this. / Computer, remember this. / Computer, remember this moment.
    mark this: That was important. Computer, mark this. / Oh, computer, remember this.
    take a note: Computer, take a note: the meeting begins at ten.
    take a note: Computer, take a note, buy milk and bread. / Computer, take a note.
    take a note: By the way, computer, take a note: the lamp is broken.
    take a note: Computer, take a note. My computer is broken.
    turn on the lamp: Computer, turn on the lamp. / Computer, turn on lamp.
    turn on the lamp: Computer, turn the lamp on. / Computer - turn on the lamp!
    turn on the lamp: It is getting dark. Computer, turn on the lamp.
    turn on the lamp: Computer... turn on the lamp. / Hey, computer, turn on the lamp.
    turn off the lamp: Computer, turn off the lamp. / Computer, turn off lamp.
    turn off the lamp: Computer, turn the lamp off. / Computer? Turn off the lamp.
    turn off the lamp: Good night, everybody. Computer, turn off the lamp.
    turn on the radio: Computer, turn on the radio. / Computer, turn on radio.
    turn on the radio: Computer, play some music. / Computer, play music.
    turn on the radio: Let's dance. Computer, play some music!
    call the nurse: Computer, call the nurse. / Computer, call nurse. / Computer, I need help.
    call the nurse: Computer, I need some help. / Please, computer, call the nurse!
"""


class Case(NamedTuple):
    """Phrase, and the name of the command that it is; empty for other talk."""

    said: str
    command: str = ""


class Box(NamedTuple):
    """Box with its settings, and the phrases said near it."""

    name: str
    settings: Settings
    cases: tuple[Case, ...]


def boxes() -> tuple[Box, Box]:
    """Return the box that has no name, and the one that is called."""
    return (
        Box("without a prefix", _settings(""), (*_said(_ALONE), *_lines(OTHER_TALK))),
        Box("with a prefix", _settings("computer"), (*_said(_CALLED), *_lines(UNCALLED))),
    )


def _settings(prefix: str) -> Settings:
    table = tomllib.loads(_COMMANDS)
    return msgspec.convert(
        {**table, "commands_prefix": prefix, "mqtt": {"host": "broker.local"}}, Settings
    )


def _said(text: str) -> Iterator[Case]:
    for line in text.strip().splitlines():
        name, _, sentences = line.strip().partition(": ")
        yield from (Case(said, name) for said in sentences.split(" / "))


def _lines(text: str) -> Iterator[Case]:
    return (Case(line.strip()) for line in text.strip().splitlines())
