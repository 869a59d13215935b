"""Parameters of the service that the program knows, for `[service.parameters]`."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MODELS = (
    "universal-streaming-english",
    "universal-streaming-multilingual",
    "universal-3-6-pro",
    "universal-3-5-pro",
    "u3-rt-pro",
    "whisper-rt",
)
"""Values of `speech_model`, as of November 2026."""

_LIKELY_MISSPELT = 0.85
"""Likeness of two names, 0 to 1, from which one is the other, misspelt."""

_ENGLISH_MODEL = "universal-streaming-english"
_WITH_DECIMAL_POINT = frozenset(
    re.findall(r"\w+", "en zh ja ko th he hi bn gu kn ml mr pa ta te ur ms tl sw mt ga cy")
)
"""Languages that write 1,000.5; most others of the service write 1.000,5."""

_WITH_EITHER = frozenset({"es"})
"""Languages whose countries differ."""

Text = Annotated[str, Meta(description="text in quotes")]
Flag = Annotated[bool, Meta(description="true or false")]
Milliseconds = Annotated[int, Meta(ge=0, le=600_000, description="milliseconds, 0 to 600000")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]


class KnownParameters(msgspec.Struct, frozen=True):
    """Query parameters of the service; see the protocol's section "Connect".

    >>> "mode" in KnownParameters.__struct_fields__
    True
    """

    speech_model: Text = ""
    language_codes: Annotated[
        Annotated[list[Text], Meta(max_length=10)] | str,
        Meta(description='up to 10 languages, as ["en", "de"]'),
    ] = ""
    language_code: Text = ""
    language_detection: Flag = False
    mode: Annotated[
        Literal["min_latency", "balanced", "max_accuracy"],
        Meta(description='"min_latency", "balanced" or "max_accuracy"'),
    ] = "balanced"
    keyterms_prompt: Annotated[
        list[Text] | str, Meta(description='a list of words, as ["Anna", "Grünkohl"]')
    ] = ""
    prompt: Annotated[str, Meta(max_length=1750, description="up to 1750 characters")] = ""
    domain: Text = ""
    format_turns: Flag = True
    formatted_finals: Flag = True
    continuous_partials: Flag = True
    include_partial_turns: Flag = True
    min_turn_silence: Milliseconds = 0
    max_turn_silence: Milliseconds = 0
    end_of_turn_confidence_threshold: Share = 0
    vad_threshold: Share = 0
    voice_focus: Annotated[
        Literal["near-field", "far-field"], Meta(description='"near-field" or "far-field"')
    ] = "near-field"
    voice_focus_threshold: Share = 0
    speaker_labels: Flag = False
    max_speakers: Annotated[int, Meta(ge=1, le=10)] = 10
    speaker_labels_revision_interval_ms: Annotated[int, Meta(ge=120_000, le=300_000)] = 300_000
    session_heartbeat: Flag = True
    acknowledge_silence: Flag = True
    inactivity_timeout: Annotated[int, Meta(ge=5, le=3600, description="seconds, 5 to 3600")] = 5
    filter_profanity: Flag = False
    redact_pii: Flag = False
    redact_pii_policies: Annotated[
        list[Text] | str, Meta(description='a list, as ["person_name", "phone_number"]')
    ] = ""
    redact_pii_sub: Text = ""
    llm_gateway: Annotated[
        dict[str, Any] | str, Meta(description="a table, as { model = ..., messages = [...] }")
    ] = ""
    encoding: Text = ""
    sample_rate: int = 16_000
    webhook_url: Text = ""
    webhook_auth_header_name: Text = ""
    webhook_auth_header_value: Text = ""


def meant(name: str) -> str | None:
    """Return the known parameter that an unknown one is a misspelling of; None for a new one.

    >>> meant("speach_model"), meant("whispering")
    ('speech_model', None)
    """
    known = KnownParameters.__struct_fields__
    close = next(iter(difflib.get_close_matches(name, known, 1, _LIKELY_MISSPELT)), None)
    return None if close and name.startswith(f"{close}_") else close


def meant_model(name: str) -> str | None:
    """Return the known model that an unknown one is a misspelling of; None for a new one.

    A model that differs in figures alone is a newer or an older one.

    >>> meant_model("universal-streaming-englisch"), meant_model("universal-4-pro")
    ('universal-streaming-english', None)
    """
    if name.lower() in MODELS:
        return name.lower() if name.lower() != name else None
    if _letters(name) in map(_letters, MODELS):
        return None
    return next(iter(difflib.get_close_matches(name, MODELS, 1, _LIKELY_MISSPELT)), None)


def _letters(model: str) -> str:
    return re.sub(r"[\W\d_]+", "-", model)


def decimal_comma(parameters: Mapping[str, object]) -> bool | None:
    """Return whether the languages of the turns have a decimal comma; None if that is not known.

    >>> decimal_comma({"language_codes": ["de", "fr"]}), decimal_comma({})
    (True, None)
    """
    if parameters.get("speech_model") == _ENGLISH_MODEL:
        return False
    codes = parameters.get("language_codes") or parameters.get("language_code") or ()
    found = codes if isinstance(codes, list) else re.findall(r"[A-Za-z]{2,3}(?:-\w+)*", str(codes))
    languages = {str(code).lower().split("-")[0] for code in found if code}
    if not languages or languages & _WITH_EITHER:
        return None
    if languages <= _WITH_DECIMAL_POINT:
        return False
    return True if languages.isdisjoint(_WITH_DECIMAL_POINT) else None
