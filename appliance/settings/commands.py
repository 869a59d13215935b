"""Structs of `[[commands]]`, one for each `action`; the docstring says what the action does."""

from typing import Annotated, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from appliance.core.command_events import Request

Phrase = Annotated[str, Meta(min_length=1, max_length=200)]
Phrases = Annotated[
    Phrase | Annotated[tuple[Phrase, ...], Meta(min_length=1)],
    Meta(description="text in quotes, or a list of such texts"),
]
LETTER_SLOT, NAME_SLOT = "{letter}", "{name}"
"""In the phrase of a command that names a speaker: the letter, and one to three words."""

Pin = Annotated[int, Meta(ge=0, le=27, description="a GPIO number from 0 to 27")]


def in_full(phrase: str) -> str:
    """Return a phrase with its optional words and without their brackets.

    >>> in_full("turn on [the] lamp")
    'turn on the lamp'
    """
    return " ".join(phrase.replace("[", " ").replace("]", " ").split())


class _Command(msgspec.Struct, frozen=True, tag_field="action"):
    """A spoken command: what every action has."""

    slots: ClassVar[tuple[str, ...]] = ()
    """What stands in each phrase for words that vary."""

    phrase: Phrases

    @property
    def phrases(self) -> tuple[str, ...]:
        """The phrases that give the command; words in brackets are optional."""
        return (self.phrase,) if isinstance(self.phrase, str) else self.phrase

    @property
    def name(self) -> str:
        """The command's name on the screen and in the history: its first phrase in full."""
        phrase = in_full(self.phrases[0])
        for slot in self.slots:
            phrase = phrase.replace(slot, "…")
        return phrase


class RequestCommand(_Command, frozen=True):
    """A command that makes a request of the appliance itself."""

    request: ClassVar[Request]


class Stop(RequestCommand, frozen=True, tag="stop"):
    """End the session."""

    request: ClassVar[Request] = Request.STOP


class Clear(RequestCommand, frozen=True, tag="clear"):
    """Clear the words from the screen; they stay in the history."""

    request: ClassVar[Request] = Request.CLEAR


class Bigger(RequestCommand, frozen=True, tag="bigger"):
    """Show fewer, larger lines."""

    request: ClassVar[Request] = Request.BIGGER


class Smaller(RequestCommand, frozen=True, tag="smaller"):
    """Show more, smaller lines."""

    request: ClassVar[Request] = Request.SMALLER


class Brighter(RequestCommand, frozen=True, tag="brighter"):
    """Make the panel brighter."""

    request: ClassVar[Request] = Request.BRIGHTER


class Darker(RequestCommand, frozen=True, tag="darker"):
    """Make the panel darker."""

    request: ClassVar[Request] = Request.DARKER


class Bookmark(_Command, frozen=True, tag="mark"):
    """Put a bookmark into the history."""


class Note(_Command, frozen=True, tag="note"):
    """Save the words that follow the phrase in its turn as a note in the history."""


class Name(_Command, frozen=True, tag="name"):
    """Name who speaks: who has the letter is called so in the history, and on the screen.

    `{letter}` and `{name}` in the phrase stand for the letter and the name.
    """

    slots: ClassVar[tuple[str, ...]] = (LETTER_SLOT, NAME_SLOT)


class Gpio(_Command, frozen=True, kw_only=True, tag="gpio"):
    """Switch a GPIO pin.

    `seconds` is the length of a pulse. Unless `active_high`, the pin is low while it is on.
    """

    pin: Pin
    state: Annotated[
        Literal["on", "off", "toggle", "pulse"],
        Meta(description='"on", "off", "toggle" or "pulse"'),
    ]
    seconds: Annotated[float, Meta(ge=0.01, le=3600, description="seconds, 0.01 to 3600")] = 0.5
    active_high: bool = True


class Mqtt(_Command, frozen=True, kw_only=True, tag="mqtt"):
    """Publish a message to the MQTT broker."""

    topic: Annotated[
        str, Meta(pattern=r"^[^+#\x00]{1,250}\Z", description="a topic without + and #")
    ]
    payload: Annotated[str, Meta(max_length=10_000, description="text in quotes")] = ""


class Webhook(_Command, frozen=True, kw_only=True, tag="webhook"):
    """Send the words as JSON to a URL, in a POST request."""

    url: Annotated[
        str,
        Meta(pattern=r"^https?://(?!/)[^\s\x00-\x1f\x7f]+\Z", description="an http(s):// address"),
    ]


Command = (
    Stop
    | Clear
    | Bigger
    | Smaller
    | Brighter
    | Darker
    | Bookmark
    | Note
    | Name
    | Gpio
    | Mqtt
    | Webhook
)

BY_ACTION: dict[str, type[_Command]] = {
    str(command.__struct_config__.tag): command for command in get_args(Command)
}
