"""The protocol's messages and parameters (Streaming v3), and how a session is refused."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from appliance.servers.local_service.parameter_errors import parameter_error

UNAUTHORIZED = 1008
SERVICE_ERROR = 3005
INVALID = 3006
AUDIO_VIOLATION = 3007
SESSION_EXPIRED = 3008
TOO_MANY_SESSIONS = 3009
IDLE = 4031

LONGEST_SESSION = 10_800
"""Seconds that a session may last at most."""


class RefusedError(Exception):
    """The session can't begin or go on; told as `Error`, then closed with the same code."""

    def __init__(self, code: int, error: str) -> None:
        self.code = code
        super().__init__(error)


# Parameters

Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
Share = Annotated[float, Meta(ge=0, le=1)]


Encoding = Literal["pcm_s16le", "pcm_mulaw"]
SpeechModel = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._-]+\Z",
        max_length=100,
        description="a name: letters, digits, dots, hyphens and underscores",
    ),
]
"""Any name: there are new ones every few months, and an appliance that falls back on this service
asks for that of the service it could not reach."""

_WORD_BY_WORD = ("universal-streaming-english", "universal-streaming-multilingual", "whisper-rt")

Keyterms = Annotated[
    tuple[str, ...], Meta(max_length=1000, description="a list of terms in JSON, 1000 at most")
]


class SessionParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The query of `/v3/ws`; unknown parameters are passed over.

    Whatever the `speech_model`, one engine hears; how turns are told is the model's, those of an
    unknown one as the newer models do. Who speaks is not told apart: with `speaker_labels`,
    everybody is `UNKNOWN`. Nor are languages: turns carry no `language_code`.
    """

    speech_model: SpeechModel
    sample_rate: Annotated[int, Meta(ge=8000, le=48_000)] = 16_000
    encoding: Encoding = "pcm_s16le"
    format_turns: bool = False
    formatted_finals: bool = False
    keyterms_prompt: Keyterms = ()
    end_of_turn_confidence_threshold: Share = 0.4
    min_turn_silence: Milliseconds = 400
    max_turn_silence: Milliseconds = 1280
    vad_threshold: Share = 0.4
    inactivity_timeout: Annotated[int, Meta(ge=5, le=3600)] | None = None
    language_detection: bool = False
    speaker_labels: bool = False
    max_speakers: Annotated[int, Meta(ge=1)] | None = None

    @property
    def writes_turns(self) -> bool:
        """Whether a finished turn is told once, as it is written; its partials have every word."""
        return self.speech_model not in _WORD_BY_WORD

    @property
    def formats_turns(self) -> bool:
        """Whether a finished turn is told once more, as it is written."""
        return self.format_turns or self.formatted_finals


class TokenParameters(msgspec.Struct, frozen=True):
    """The query of `/v3/token`, in seconds."""

    expires_in_seconds: Annotated[int, Meta(ge=1, le=600)]
    max_session_duration_seconds: Annotated[int, Meta(ge=60, le=LONGEST_SESSION)] = LONGEST_SESSION


Parameters = TypeVar("Parameters", SessionParameters, TokenParameters)


def parameters(query: Iterable[tuple[str, str]], type_: type[Parameters]) -> Parameters:
    """Return a query's parameters, checked.

    Raises:
        RefusedError: one is missing or has a value that is not allowed (3006).
    """
    given = list(query)
    values: dict[str, Any] = dict(given)
    if "keyterms_prompt" in values:
        values["keyterms_prompt"] = _keyterms([v for name, v in given if name == "keyterms_prompt"])
    if sentence := parameter_error(values, type_, strict=False):
        raise RefusedError(INVALID, f"Invalid parameter: {sentence}")
    return msgspec.convert(values, type_, strict=False)


def _keyterms(given: list[str]) -> object:
    """Return the terms: a list in JSON, or the parameter once for each."""
    if len(given) > 1 or not given[0].startswith("["):
        return [term for term in given if term]
    try:
        return msgspec.json.decode(given[0])
    except msgspec.DecodeError:
        return given[0]  # which is no list, and refused as such


# Client to service


class Terminate(msgspec.Struct, tag_field="type", tag=True):
    """Ends the session."""


class ForceEndpoint(msgspec.Struct, tag_field="type", tag=True):
    """Ends the turn."""


class KeepAlive(msgspec.Struct, tag_field="type", tag=True):
    """Sent so that a session without audio isn't taken for a forgotten one."""


class UpdateConfiguration(msgspec.Struct, tag_field="type", tag=True):
    """Changes the named settings for the rest of the session; others can't be changed in one."""

    format_turns: bool | msgspec.UnsetType = msgspec.UNSET
    keyterms_prompt: Keyterms | msgspec.UnsetType = msgspec.UNSET
    end_of_turn_confidence_threshold: Share | msgspec.UnsetType = msgspec.UNSET
    min_turn_silence: Milliseconds | msgspec.UnsetType = msgspec.UNSET
    max_turn_silence: Milliseconds | msgspec.UnsetType = msgspec.UNSET
    vad_threshold: Share | msgspec.UnsetType = msgspec.UNSET

    def applied_to(self, current: SessionParameters) -> SessionParameters:
        """Return the parameters with the changes made."""
        changes = self._changes()
        if "format_turns" in changes:
            changes["formatted_finals"] = False  # the older name asked for it once, not for ever
        return msgspec.structs.replace(current, **changes)

    def _changes(self) -> dict[str, Any]:
        changes = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in changes.items() if value is not msgspec.UNSET}


ClientMessage = Terminate | ForceEndpoint | KeepAlive | UpdateConfiguration

_CLIENT_TYPES: dict[str, type[ClientMessage]] = {
    type_.__name__: type_ for type_ in (Terminate, ForceEndpoint, KeepAlive, UpdateConfiguration)
}


def client_message(text: str) -> ClientMessage:
    """Return what a text frame says.

    Raises:
        RefusedError: it is no JSON, no known message, or has a bad value (3006).
    """
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RefusedError(INVALID, "Invalid JSON") from error
    type_ = _CLIENT_TYPES.get(str(raw.get("type"))) if isinstance(raw, dict) else None
    if type_ is None:
        raise RefusedError(INVALID, "Invalid Message Type")
    if sentence := parameter_error(raw, type_):
        raise RefusedError(INVALID, f"Invalid {type_.__name__}: {sentence}")
    return msgspec.convert(raw, type_)


# Service to client


class Begin(msgspec.Struct, tag_field="type", tag=True):
    """The session is open until `expires_at` (Unix seconds)."""

    id: str
    expires_at: int


class SpeechStarted(msgspec.Struct, tag_field="type", tag=True):
    """Somebody began to speak, `timestamp` ms into the stream."""

    timestamp: int


class TurnWord(msgspec.Struct):
    """A word of a turn, in ms of this connection's audio."""

    text: str
    start: int
    end: int
    confidence: float
    word_is_final: bool


class Turn(msgspec.Struct, tag_field="type", tag=True):
    """What a turn says; replaces the ones before of the same `turn_order`."""

    turn_order: int
    transcript: str
    end_of_turn: bool
    turn_is_formatted: bool
    end_of_turn_confidence: float
    utterance: str
    words: list[TurnWord]
    speaker_label: str | msgspec.UnsetType = msgspec.UNSET


class Termination(msgspec.Struct, tag_field="type", tag=True):
    """The session is over; the last message."""

    audio_duration_seconds: int
    session_duration_seconds: int


class Error(msgspec.Struct, tag_field="type", tag=True):
    """Why the socket closes right after."""

    error_code: int
    error: str


ServiceMessage = Begin | SpeechStarted | Turn | Termination | Error


def encoded(message: ServiceMessage) -> str:
    """Return the message as the text of a frame."""
    return msgspec.json.encode(message).decode()
