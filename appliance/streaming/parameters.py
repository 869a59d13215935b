"""Query parameters and headers of a handshake (the protocol's "Connect")."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.settings.schema import Parameter, ServiceSettings, Settings

API_VERSION = "2025-05-12"
"""The version of the vendor's interface that this program speaks."""

HEADERS = {"AssemblyAI-Version": API_VERSION}
"""Headers of every handshake; a service of one's own ignores them."""

WITHOUT_SPEAKERS = ("whisper-rt",)
"""Models that tell nobody apart."""


def connection_url(settings: ServiceSettings, token: str) -> str:
    """Return the service's address with all query parameters."""
    written = {name: _written(value) for name, value in _parameters(settings).items()}
    return f"{settings.url}?{urlencode(written | {'token': token})}"


def _parameters(settings: ServiceSettings) -> dict[str, object]:
    """Return what the program asks for, where the owner says nothing else.

    The format of the audio is never the owner's. Formatted turns are asked for under both names
    that the service has had for them.
    """
    return {
        "formatted_finals": True,
        "format_turns": True,
        "session_heartbeat": True,
        **({"acknowledge_silence": True} if tells_silence(settings.parameters) else {}),
        **settings.parameters,
        "encoding": "pcm_s16le",
        "sample_rate": SAMPLE_RATE,
    }


def asking_for_speakers(settings: Settings) -> Settings:
    """Return the settings with parameters that ask who speaks, if `session.speakers` wants it.

    Speakers slow down the partials of the Pro models unless these are asked for, too. What the
    owner says of these parameters counts.
    """
    given = settings.service.parameters
    if settings.session.speakers == "none" or given.get("speech_model") in WITHOUT_SPEAKERS:
        return settings
    asked: dict[str, Parameter] = {"speaker_labels": True}
    if tells_silence(given):
        asked["continuous_partials"] = True
    service = msgspec.structs.replace(settings.service, parameters=asked | given)
    return msgspec.structs.replace(settings, service=service)


def tells_silence(parameters: Mapping[str, object]) -> bool:
    """Return whether the model asked for can say where nobody spoke: the Pro models can.

    Without a model, the vendor's default is one of them.

    >>> tells_silence({"speech_model": "universal-streaming-english"})
    False
    """
    model = parameters.get("speech_model")
    return not model or "pro" in str(model).lower().split("-")


def _written(value: object) -> str:
    """Return a value as the service reads it: a list or table as one JSON value."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
