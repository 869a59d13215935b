"""Messages of the streaming protocol, version 3."""

from typing import Any

import msgspec

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.servers.local_service.parameter_errors import parameter_error
from appliance.servers.local_service.parameters import (
    Keyterms,
    Milliseconds,
    SessionParameters,
    Share,
)
from appliance.servers.local_service.refusals import INVALID, RefusedError

API_VERSION = "2025-05-12"
"""The version of the API that the messages have, whatever `AssemblyAI-Version` asks for."""

_ANY = JsonDecoder[Any](object)


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
    session_heartbeat: bool | msgspec.UnsetType = msgspec.UNSET
    acknowledge_silence: bool | msgspec.UnsetType = msgspec.UNSET

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


class Configuration(msgspec.Struct, kw_only=True):
    """What is applied of the parameters; None for what is not set, or what no engine here does."""

    model: str
    api_version: str = API_VERSION
    sample_rate: int
    encoding: str
    mode: str | None
    format_turns: bool
    keyterms_prompt: tuple[str, ...] | None
    end_of_turn_confidence_threshold: float
    min_turn_silence: int
    max_turn_silence: int
    vad_threshold: float
    inactivity_timeout: int | None
    session_heartbeat: bool
    acknowledge_silence: bool
    speaker_labels: bool
    max_speakers: int | None
    speaker_labels_revision_interval_ms: int | None
    continuous_partials: bool = True
    language_codes: None = None
    language_detection: bool = False
    voice_focus: None = None
    prompt: None = None

    @classmethod
    def of(cls, parameters: SessionParameters, *, knows_speakers: bool) -> "Configuration":
        """Return what is applied with an engine that knows speakers, or does not."""
        labels = parameters.speaker_labels and knows_speakers
        shortest, longest = parameters.turn_silences
        return cls(
            model=parameters.speech_model,
            sample_rate=parameters.sample_rate,
            encoding=parameters.encoding,
            mode=parameters.applied_mode,
            format_turns=parameters.sends_formatted or parameters.sends_formatted_only,
            keyterms_prompt=parameters.keyterms_prompt or None,
            end_of_turn_confidence_threshold=parameters.end_of_turn_confidence_threshold,
            min_turn_silence=shortest,
            max_turn_silence=longest,
            vad_threshold=parameters.vad_threshold,
            inactivity_timeout=parameters.inactivity_timeout,
            session_heartbeat=parameters.session_heartbeat,
            acknowledge_silence=parameters.sends_silence,
            speaker_labels=labels,
            max_speakers=parameters.max_speakers if labels else None,
            speaker_labels_revision_interval_ms=(
                parameters.speaker_labels_revision_interval_ms if labels else None
            ),
        )


class Begin(msgspec.Struct, tag_field="type", tag=True):
    """The session is open until `expires_at` (Unix seconds)."""

    id: str
    expires_at: int
    configuration: Configuration


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
    speaker: str | msgspec.UnsetType = msgspec.UNSET


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


class Heartbeat(msgspec.Struct, tag_field="type", tag=True):
    """What has arrived so far.

    `realtime_factor` (1.0: as fast as spoken) and `max_speech_probability` (0 to 1) are those since
    the last one.
    """

    total_audio_received_ms: int
    total_duration_ms: int
    realtime_factor: float
    max_speech_probability: float


class Silence(msgspec.Struct, tag_field="type", tag=True):
    """Audio of this connection in which nobody spoke."""

    start_ms: int
    end_ms: int


class RevisedTurn(msgspec.Struct):
    """A finished turn whose speakers were other ones; text and times are as they were."""

    turn_order: int
    speaker_label: str
    words: list[TurnWord]


class SpeakerRevision(msgspec.Struct, tag_field="type", tag=True):
    """The turns whose speakers are now known better."""

    revisions: list[RevisedTurn]


class Termination(msgspec.Struct, tag_field="type", tag=True):
    """The last message of a session."""

    audio_duration_seconds: int
    session_duration_seconds: int


class Error(msgspec.Struct, tag_field="type", tag=True):
    """The reason for which the service closes the socket right after."""

    error_code: int
    error: str


ServiceMessage = (
    Begin | SpeechStarted | Turn | Heartbeat | Silence | SpeakerRevision | Termination | Error
)


def encoded(message: ServiceMessage) -> str:
    """Return the message as the text of a frame."""
    return msgspec.json.encode(message).decode()
