"""Decoder of the service's messages (the protocol's section "Service to client").

Unknown messages and fields are ignored. A `Turn` needs only `turn_order`, `transcript` and
`end_of_turn`.
"""

import logging
from typing import Annotated, Any

import msgspec

from appliance.core.turns import Turn, Word

log = logging.getLogger(__name__)

TERMINATE = b'{"type":"Terminate"}'


class Begin(msgspec.Struct, frozen=True, tag="Begin"):
    """The service has begun to listen."""


class Termination(msgspec.Struct, frozen=True, tag="Termination"):
    """The service has transcribed everything that was sent; it closes the connection next."""


class ServiceError(msgspec.Struct, frozen=True, tag="Error"):
    """Why the service is about to close the connection."""

    error_code: Any = None
    error: Any = ""

    @property
    def text(self) -> str:
        """What it says; empty if it says nothing."""
        return str(self.error or "")

    @property
    def code(self) -> int | None:
        """The close code to come, if the service names one."""
        return self.error_code if type(self.error_code) is int else None


Message = Begin | Turn | Termination | ServiceError

_Order = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""No more than a database can hold."""


class _WireTurn(msgspec.Struct, tag="Turn"):
    turn_order: _Order
    transcript: str
    end_of_turn: bool
    turn_is_formatted: Any = False
    words: msgspec.Raw = msgspec.Raw(b"[]")


class _WireWord(msgspec.Struct):
    text: str
    start: float
    end: float
    word_is_final: bool = True


# Not strict: a whole number written as "3" is still that number.
_MESSAGE: msgspec.json.Decoder[Begin | _WireTurn | Termination | ServiceError] = (
    msgspec.json.Decoder(Begin | _WireTurn | Termination | ServiceError, strict=False)
)
_WORDS = msgspec.json.Decoder(list[msgspec.Raw])
_WORD = msgspec.json.Decoder(_WireWord, strict=False)


def decode(frame: str | bytes) -> Message | None:
    """Return the message in a frame, or None for one that is unknown or can't be understood.

    >>> decode('{"type":"Turn","turn_order":0,"transcript":"hello","end_of_turn":true}')
    Turn(order=0, text='hello', finished=True, tentative='', words=(), formatted=False)
    """
    try:
        message = _MESSAGE.decode(frame)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        log.debug("ignored a message: %s", error)
        return None
    return _turn(message) if isinstance(message, _WireTurn) else message


def _turn(wire: _WireTurn) -> Turn:
    words = _words(wire.words)
    return Turn(
        order=wire.turn_order,
        text=wire.transcript,
        finished=wire.end_of_turn,
        tentative="" if wire.end_of_turn else _tentative(wire.transcript, words),
        words=words,
        formatted=wire.turn_is_formatted is True,
    )


def _words(wire: msgspec.Raw) -> tuple[Word, ...]:
    """Return the words that can be understood; a turn is worth showing without them."""
    try:
        items = _WORDS.decode(wire)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ()
    words = []
    for item in items:
        try:
            word = _WORD.decode(item)
            words.append(Word(word.text, int(word.start), int(word.end), word.word_is_final))
        except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
            continue  # "inf" and "nan" are numbers to msgspec, but no times
    return tuple(words)


def _tentative(transcript: str, words: tuple[Word, ...]) -> str:
    """Return the words still being spoken, unless the transcript holds them already."""
    spoken = [word.text for word in words if not word.final]
    settled = transcript.split()
    return "" if settled[-len(spoken) :] == spoken else " ".join(spoken)
