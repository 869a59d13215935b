"""Decoder of the service's messages (the protocol's section "Service to client").

Unknown messages and fields are ignored. A `Turn` needs only `turn_order`, `transcript` and
`end_of_turn`.
"""

import itertools
import logging
from typing import Annotated, Any

import msgspec

from appliance.core.turns import Turn, Word
from appliance.settings.spoken_words import spoken_words

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
    if isinstance(message, ServiceError) and not message.text and message.code is None:
        return None
    return _turn(message) if isinstance(message, _WireTurn) else message


def _turn(wire: _WireTurn) -> Turn:
    words = _words(wire.words)
    settled, tentative = wire.transcript, ""
    if not wire.end_of_turn and not all(word.final for word in words):
        settled, tentative = _parted(wire.transcript, words)
    return Turn(
        order=wire.turn_order,
        text=settled,
        finished=wire.end_of_turn,
        tentative=tentative,
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


def _parted(transcript: str, words: tuple[Word, ...]) -> tuple[str, str]:
    """Return the settled and the tentative text of an unfinished turn, each word once.

    The word-by-word models leave the words that are not final out of the transcript. The others
    write them into it: there no word of a partial is final, and all of it is tentative.
    """
    spoken = [word.text for word in _words_beyond(transcript, words) if not word.final]
    if any(word.final for word in words):
        return transcript, " ".join(spoken)
    return "", " ".join([transcript, *spoken] if transcript else spoken)


def _words_beyond(transcript: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return the words that the transcript does not hold, however either is spelt."""
    held = _letters(transcript)
    if not held:
        return words
    sounds = [_letters(word.text) for word in words]
    ends = list(itertools.accumulate(map(len, sounds)))
    told = "".join(sounds)
    if told.startswith(held) and len(held) in ends:
        return words[len(ends) - ends[::-1].index(len(held)) :]
    settled = "".join(sound for sound, word in zip(sounds, words, strict=True) if word.final)
    if held == settled:
        return words
    # Spelt in two ways that no rule knows to be one: what it ends with says the rest.
    tail = told[len(settled) :]
    return () if not settled or (tail and held.endswith(tail)) else words


def _letters(text: str) -> str:
    """Return what is spoken, without spaces: some languages have none between words."""
    return "".join(spoken_words(text))
