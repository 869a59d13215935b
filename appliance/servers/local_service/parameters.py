"""Parameters of the streaming protocol: the queries of `/v3/ws` and `/v3/token`."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.servers.local_service.parameter_errors import parameter_error
from appliance.servers.local_service.refusals import INVALID, RefusedError

MAX_SESSION_SECONDS = 10_800
"""The longest that a session may last."""

_ANY = JsonDecoder[Any](object)

DEFAULT_MODEL = "universal-3-6-pro"
"""The model of a client that names none, such as the vendor's example for browsers."""

Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
Share = Annotated[float, Meta(ge=0, le=1)]

Encoding = Literal["pcm_s16le", "pcm_mulaw"]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._-]+\Z",
        max_length=100,
        description="a name: letters, digits, dots, hyphens and underscores",
    ),
]
"""Any name: new models and modes appear every few months, and an appliance that uses this service
as its fallback sends those of its first service."""

_WORD_BY_WORD = ("universal-streaming-english", "universal-streaming-multilingual", "whisper-rt")

_MODES: Final = {"min_latency": (128, 640), "balanced": (128, 1280), "max_accuracy": (512, 2560)}
"""The shortest and the longest silence that end a turn, in ms."""

_NO_MODE: Final = (400, 1280)

Keyterms = Annotated[
    tuple[Annotated[str, Meta(max_length=50)], ...],
    Meta(max_length=100, description="a list in JSON of up to 100 terms of up to 50 characters"),
]


class SessionParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The query of `/v3/ws`; unknown parameters are ignored.

    One engine serves every `speech_model`; only the messages differ. Unknown models have those of
    the newer ones. Languages are not distinguished, and speakers only by an engine that can: what
    is applied stands in `Begin`.
    """

    speech_model: Name = DEFAULT_MODEL
    sample_rate: Annotated[int, Meta(ge=8000, le=96_000)] = 16_000
    encoding: Encoding = "pcm_s16le"
    format_turns: bool = False
    formatted_finals: bool = False
    keyterms_prompt: Keyterms = ()
    mode: Name | None = None
    end_of_turn_confidence_threshold: Share = 0.4
    min_turn_silence: Milliseconds | None = None
    max_turn_silence: Milliseconds | None = None
    vad_threshold: Share = 0.4
    inactivity_timeout: Annotated[int, Meta(ge=5, le=3600)] | None = None
    session_heartbeat: bool = False
    acknowledge_silence: bool = False
    speaker_labels: bool = False
    max_speakers: Annotated[int, Meta(ge=1, le=10)] | None = None
    speaker_labels_revision_interval_ms: Annotated[int, Meta(ge=120_000, le=300_000)] | None = None

    @property
    def sends_formatted_only(self) -> bool:
        """Whether a finished turn is sent once, formatted, and its partials have every word."""
        return self.speech_model not in _WORD_BY_WORD

    @property
    def sends_formatted(self) -> bool:
        """Whether a finished turn is sent again, formatted."""
        return self.format_turns or self.formatted_finals

    @property
    def sends_silence(self) -> bool:
        """Whether silence is acknowledged, which the newer models alone do."""
        return self.acknowledge_silence and self.sends_formatted_only

    @property
    def applied_mode(self) -> str | None:
        """The mode that decides about silences; None if there is none, or it is unknown."""
        has_modes = self.sends_formatted_only and not self.speaker_labels
        return self.mode if has_modes and self.mode in _MODES else None

    @property
    def turn_silences(self) -> tuple[int, int]:
        """The shortest and the longest silence that end a turn, in ms."""
        shortest, longest = _MODES.get(self.applied_mode or "", _NO_MODE)
        if self.min_turn_silence is not None:
            shortest = self.min_turn_silence
        if self.max_turn_silence is not None:
            longest = self.max_turn_silence
        return shortest, longest


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
