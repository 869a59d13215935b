"""Messages, parameters and error codes of the streaming protocol, version 3."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.servers.local_service.parameter_errors import parameter_error

UNAUTHORIZED = 1008
SERVICE_ERROR = 3005
INVALID = 3006
AUDIO_VIOLATION = 3007
SESSION_EXPIRED = 3008
TOO_MANY_SESSIONS = 3009
IDLE = 4031

MAX_SESSION_SECONDS = 10_800
"""The longest that a session may last."""

_ANY = JsonDecoder[Any](object)


class RefusedError(Exception):
    """The session can't begin or continue: the client receives `Error` and a close frame.

    `code` is that of both; the message is a sentence for the client.
    """

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
"""Any name: new models appear every few months, and an appliance that uses this service as its
fallback sends the name of a model of its first service."""

_WORD_BY_WORD = ("universal-streaming-english", "universal-streaming-multilingual", "whisper-rt")

Keyterms = Annotated[
    tuple[str, ...], Meta(max_length=1000, description="a list of terms in JSON, 1000 at most")
]


class SessionParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The query of `/v3/ws`; unknown parameters are ignored.

    One engine serves every `speech_model`; only the messages differ. Unknown models have those of
    the newer ones. Speakers and languages are not distinguished: with `speaker_labels` everybody is
    `UNKNOWN`, and turns have no `language_code`.
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
    def sends_formatted_only(self) -> bool:
        """Whether a finished turn is sent once, formatted, and its partials have every word."""
        return self.speech_model not in _WORD_BY_WORD

    @property
    def sends_formatted(self) -> bool:
        """Whether a finished turn is sent again, formatted."""
        return self.format_turns or self.formatted_finals


class TokenParameters(msgspec.Struct, frozen=True):
    """The query of `/v3/token`, in seconds."""

    expires_in_seconds: Annotated[int, Meta(ge=1, le=600)]
    max_session_duration_seconds: Annotated[int, Meta(ge=60, le=MAX_SESSION_SECONDS)] = (
        MAX_SESSION_SECONDS
    )


Parameters = TypeVar("Parameters", SessionParameters, TokenParameters)


def parameters(query: Iterable[tuple[str, str]], type_: type[Parameters]) -> Parameters:
    """Return the parameters of a query.

    Raises:
        RefusedError: a parameter is missing, or has a value that is not allowed (3006).
    """
    given = list(query)
    values: dict[str, Any] = dict(given)
    if "keyterms_prompt" in values:
        values["keyterms_prompt"] = _keyterms([v for name, v in given if name == "keyterms_prompt"])
    if sentence := parameter_error(values, type_, strict=False):
        raise RefusedError(INVALID, f"Invalid parameter: {sentence}")
    return msgspec.convert(values, type_, strict=False)


def _keyterms(given: list[str]) -> object:
    """Return the terms, which are a JSON list or one parameter for each."""
    if len(given) > 1 or not given[0].startswith("["):
        return [term for term in given if term]
    try:
        return _ANY.decode(given[0])
    except InvalidJsonError:
        return given[0]  # refused later, since it is no list


# Client to service


class Terminate(msgspec.Struct, tag_field="type", tag=True):
    """Ends the session."""


class ForceEndpoint(msgspec.Struct, tag_field="type", tag=True):
    """Ends the turn."""


class KeepAlive(msgspec.Struct, tag_field="type", tag=True):
    """Keeps a session without audio from counting as idle."""


class UpdateConfiguration(msgspec.Struct, tag_field="type", tag=True):
    """Changes these settings for the rest of the session; all others are fixed."""

    format_turns: bool | msgspec.UnsetType = msgspec.UNSET
    keyterms_prompt: Keyterms | msgspec.UnsetType = msgspec.UNSET
    end_of_turn_confidence_threshold: Share | msgspec.UnsetType = msgspec.UNSET
    min_turn_silence: Milliseconds | msgspec.UnsetType = msgspec.UNSET
    max_turn_silence: Milliseconds | msgspec.UnsetType = msgspec.UNSET
    vad_threshold: Share | msgspec.UnsetType = msgspec.UNSET

    def applied_to(self, current: SessionParameters) -> SessionParameters:
        """Return the parameters with these changes."""
        changes = self._changes()
        if "format_turns" in changes:
            changes["formatted_finals"] = False  # the older name must not override the change
        return msgspec.structs.replace(current, **changes)

    def _changes(self) -> dict[str, Any]:
        changes = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in changes.items() if value is not msgspec.UNSET}


ClientMessage = Terminate | ForceEndpoint | KeepAlive | UpdateConfiguration

_CLIENT_TYPES: dict[str, type[ClientMessage]] = {
    type_.__name__: type_ for type_ in (Terminate, ForceEndpoint, KeepAlive, UpdateConfiguration)
}


def client_message(text: str) -> ClientMessage:
    """Return the message of a text frame.

    Raises:
        RefusedError: it is not JSON, not a known message, or has a value that is not allowed
            (3006).
    """
    try:
        raw = _ANY.decode(text)
    except InvalidJsonError as error:
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
    """A word of a turn; times are in ms of this connection's audio."""

    text: str
    start: int
    end: int
    confidence: float
    word_is_final: bool


class Turn(msgspec.Struct, tag_field="type", tag=True):
    """A turn so far; replaces earlier messages with the same `turn_order`."""

    turn_order: int
    transcript: str
    end_of_turn: bool
    turn_is_formatted: bool
    end_of_turn_confidence: float
    utterance: str
    words: list[TurnWord]
    speaker_label: str | msgspec.UnsetType = msgspec.UNSET


class Termination(msgspec.Struct, tag_field="type", tag=True):
    """The last message of a session."""

    audio_duration_seconds: int
    session_duration_seconds: int


class Error(msgspec.Struct, tag_field="type", tag=True):
    """The reason for which the service closes the socket right after."""

    error_code: int
    error: str


ServiceMessage = Begin | SpeechStarted | Turn | Termination | Error


def encoded(message: ServiceMessage) -> str:
    """Return the message as the text of a frame."""
    return msgspec.json.encode(message).decode()
