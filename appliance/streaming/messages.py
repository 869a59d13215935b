"""The service's messages, decoded; unknown ones are passed over.

Of a `Turn` only `turn_order`, `transcript` and `end_of_turn` are needed. The protocol's section
is "Service to client".
"""

import logging
from typing import Annotated, Any

import msgspec

from appliance.core.turns import Turn, Word

log = logging.getLogger(__name__)

TERMINATE = b'{"type":"Terminate"}'


class Begin(msgspec.Struct, frozen=True):
    """The service has begun to listen."""


class Termination(msgspec.Struct, frozen=True):
    """The service has transcribed all that was sent; the connection closes next."""


class ServiceError(msgspec.Struct, frozen=True):
    """Why the service is about to close the connection."""

    error_code: Any = None
    error: str = ""

    @property
    def code(self) -> int | None:
        """The close code to come, if the service names one."""
        return self.error_code if type(self.error_code) is int else None


_Order = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What a database can hold, too."""


class _WireTurn(msgspec.Struct):
    turn_order: _Order
    transcript: str
    end_of_turn: bool
    turn_is_formatted: Any = False
    words: Any = None


class _WireWord(msgspec.Struct):
    text: str
    start: float
    end: float
    word_is_final: bool = True


Message = Begin | Turn | Termination | ServiceError

_TYPES: dict[str, type[msgspec.Struct]] = {
    "Begin": Begin,
    "Turn": _WireTurn,
    "Termination": Termination,
    "Error": ServiceError,
}


def decode(frame: str | bytes) -> Message | None:
    """Return the message in a frame, or None for one that is unknown or can't be understood."""
    try:
        fields = msgspec.json.decode(frame)
        type_ = _TYPES.get(fields["type"])
        # Not strict: a whole number written as 3.0 or "3" is still that number.
        message = msgspec.convert(fields, type_, strict=False) if type_ else None
    except (msgspec.MsgspecError, UnicodeError, KeyError, TypeError, RecursionError) as error:
        log.debug("passed over a message that can't be understood: %s", error)
        return None
    if message is None:
        log.debug("passed over a message of type %.40r", fields["type"])
    return _turn(message) if isinstance(message, _WireTurn) else message  # type: ignore[return-value]


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


def _words(wire: object) -> tuple[Word, ...]:
    """Return the words that can be understood; a turn is worth showing without them."""
    words = []
    for item in wire if isinstance(wire, list) else ():
        try:
            word = msgspec.convert(item, _WireWord, strict=False)
        except msgspec.ValidationError:
            continue
        words.append(Word(word.text, int(word.start), int(word.end), word.word_is_final))
    return tuple(words)


def _tentative(transcript: str, words: tuple[Word, ...]) -> str:
    """Return the words still being spoken, where the transcript does not hold them already."""
    spoken = [word.text for word in words if not word.final]
    settled = transcript.split()
    return "" if settled[-len(spoken) :] == spoken else " ".join(spoken)
