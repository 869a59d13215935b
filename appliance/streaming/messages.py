"""Decoder of the service's messages (the protocol's section "Service to client").

Unknown messages and fields are ignored. A `Turn` needs only `turn_order`, `transcript` and
`end_of_turn`.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from appliance.core.json_decoder import MAX_NUMBER, InvalidJsonError, JsonDecoder
from appliance.core.turns import Revision, Turn, Word
from appliance.streaming.partials import parted

log = logging.getLogger(__name__)

TERMINATE = b'{"type":"Terminate"}'

NOBODY = ("PENDING", "UNKNOWN")
"""Labels of a turn whose speaker the service does not know yet."""

MAX_LABEL = 16
"""Characters of a speaker's label; the service uses one."""


MAX_TEXT = 20_000
"""Characters of a turn: more than can be said in twenty minutes without a pause."""


class Begin(msgspec.Struct, frozen=True, tag="Begin"):
    """The service has begun to listen.

    `configuration` is what it applies of the parameters, by their names; a service from before
    November 2026 does not say.
    """

    configuration: Any = None


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


class Heartbeat(msgspec.Struct, frozen=True):
    """Receipt for audio, about every five seconds.

    `received` and `lasted` are milliseconds of audio since the connection opened, and of the
    connection. `realtime_factor` is the time that hearing takes, as a multiple of the time that
    speaking takes. `speech` is the highest probability of speech since the last heartbeat. What the
    service does not say, or not as a number that can be, is None.
    """

    received: int
    lasted: int | None = None
    realtime_factor: float | None = None
    speech: float | None = None


class Silence(msgspec.Struct, frozen=True):
    """Milliseconds of this connection's audio, from `start` to `end`, in which nobody spoke."""

    start: int
    end: int


class SpeakerRevision(msgspec.Struct, frozen=True):
    """The turns whose speakers the service knows better now; the last word about each counts."""

    revisions: tuple[Revision, ...]


Message = Begin | Turn | Termination | ServiceError | Heartbeat | Silence | SpeakerRevision

_Order = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]

_Time = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
"""Milliseconds; a connection lasts for hours, and this is eleven days. "nan" is no number here."""


class _WireTurn(msgspec.Struct, tag="Turn"):
    turn_order: _Order
    transcript: str
    end_of_turn: bool
    turn_is_formatted: Any = False
    words: msgspec.Raw = msgspec.Raw(b"[]")
    speaker_label: Any = None


class _WireWord(msgspec.Struct):
    text: str
    start: _Time
    end: _Time
    word_is_final: bool = True
    speaker: Any = None


class _WireHeartbeat(msgspec.Struct, tag="Heartbeat"):
    total_audio_received_ms: Any = None
    total_duration_ms: Any = None
    realtime_factor: Any = None
    max_speech_probability: Any = None


class _WireSilence(msgspec.Struct, tag="Silence"):
    start_ms: Any = None
    end_ms: Any = None


class _WireSpeakerRevision(msgspec.Struct, tag="SpeakerRevision"):
    revisions: msgspec.Raw = msgspec.Raw(b"[]")


class _WireRevision(msgspec.Struct):
    turn_order: _Order
    speaker_label: Any = None


_WireMessage = (
    Begin
    | _WireTurn
    | Termination
    | ServiceError
    | _WireHeartbeat
    | _WireSilence
    | _WireSpeakerRevision
)

# Not strict: a whole number written as "3" is still that number.
_MESSAGE: JsonDecoder[_WireMessage] = JsonDecoder(_WireMessage, strict=False)
_LIST = JsonDecoder(list[msgspec.Raw])
_WORD = JsonDecoder(_WireWord, strict=False)
_REVISION = JsonDecoder(_WireRevision, strict=False)


def decode(frame: str | bytes) -> Message | None:
    """Return the message in a frame, or None for one that is unknown or can't be understood.

    >>> decode('{"type":"Turn","turn_order":0,"transcript":"hello","end_of_turn":true}')
    Turn(order=0, text='hello', finished=True, tentative='', words=(), formatted=False, speaker='')
    """
    try:
        message = _MESSAGE.decode(frame)
    except InvalidJsonError as error:
        log.debug("ignored a message: %s", error)
        return None
    return _understood(message)


def _understood(message: _WireMessage) -> Message | None:
    match message:
        case _WireTurn():
            return _turn(message)
        case _WireHeartbeat():
            return _heartbeat(message)
        case _WireSilence():
            return _silence(message)
        case _WireSpeakerRevision():
            return SpeakerRevision(tuple(_revisions(message.revisions)))
        case ServiceError():
            return message if message.text or message.code is not None else None
    return message


def _heartbeat(wire: _WireHeartbeat) -> Heartbeat | None:
    received = _milliseconds(wire.total_audio_received_ms)
    if received is None:
        return None
    return Heartbeat(
        received,
        _milliseconds(wire.total_duration_ms),
        _number(wire.realtime_factor),
        _number(wire.max_speech_probability),
    )


def _silence(wire: _WireSilence) -> Silence | None:
    start, end = _milliseconds(wire.start_ms), _milliseconds(wire.end_ms)
    return None if start is None or end is None or start >= end else Silence(start, end)


def _revisions(wire: msgspec.Raw) -> Iterator[Revision]:
    """Yield the revisions that can be understood."""
    for item in _items(wire):
        with contextlib.suppress(InvalidJsonError):
            revision = _REVISION.decode(item)
            yield Revision(revision.turn_order, _speaker(revision.speaker_label))


def _number(value: object) -> float | None:
    """Return a number that is not negative; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value >= 0 else None


def _milliseconds(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _speaker(label: object) -> str:
    """Return who speaks, as "A"; nothing as long as the service does not know."""
    if not isinstance(label, str) or not label.isalnum() or len(label) > MAX_LABEL:
        return ""
    return "" if label.upper() in NOBODY else label


def _items(wire: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the items of a list, not decoded yet; none for what is no list."""
    try:
        return _LIST.decode(wire)
    except InvalidJsonError:
        return []


def _turn(wire: _WireTurn) -> Turn:
    words = _words(wire.words)
    settled, tentative = wire.transcript, ""
    if not wire.end_of_turn and not all(word.final for word in words):
        settled, tentative = parted(wire.transcript, words)
    return Turn(
        order=wire.turn_order,
        text=settled[:MAX_TEXT],
        finished=wire.end_of_turn,
        tentative=tentative[:MAX_TEXT],
        words=words,
        formatted=wire.turn_is_formatted is True,
        speaker=_speaker(wire.speaker_label),
    )


def _words(wire: msgspec.Raw) -> tuple[Word, ...]:
    """Return the words that can be understood; a turn is worth showing without them."""
    words = []
    for item in _items(wire):
        try:
            word = _WORD.decode(item)
        except InvalidJsonError:
            continue
        words.append(
            Word(
                word.text,
                int(word.start),
                int(word.end),
                word.word_is_final,
                _speaker(word.speaker),
            )
        )
    return tuple(words)
