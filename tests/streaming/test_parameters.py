import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from appliance.settings import Settings
from appliance.settings.schema import Parameter, ServiceSettings, SessionSettings
from appliance.streaming.parameters import asking_for_speakers, connection_url


def query(**parameters: Any) -> dict[str, str]:  # noqa: ANN401 - a setting may be anything
    """Return what a service is asked with these parameters, each of them once."""
    given: dict[str, Parameter] = parameters
    url = connection_url(ServiceSettings(parameters=given), "the-token")
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_the_address_holds_what_the_service_must_know() -> None:
    assert query(speech_model="universal-streaming-english") == {
        "speech_model": "universal-streaming-english",
        "sample_rate": "16000",
        "encoding": "pcm_s16le",
        "format_turns": "true",
        "formatted_finals": "true",
        "session_heartbeat": "true",
        "token": "the-token",
    }


def test_the_owners_parameters_are_kept() -> None:
    asked = query(format_turns=False, session_heartbeat=False, vad_threshold=0.5, sample_rate=8000)
    assert asked["format_turns"] == asked["session_heartbeat"] == "false"
    assert asked["vad_threshold"] == "0.5"
    assert asked["sample_rate"] == "16000"
    assert "speech_model" not in asked


@pytest.mark.parametrize(
    "value", [["a b", "c,d", '"e"'], [], ["Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"], {"a": [1]}]
)
def test_a_list_or_a_table_is_one_json_value(value: object) -> None:
    assert json.loads(query(keyterms_prompt=value)["keyterms_prompt"]) == value


@pytest.mark.parametrize(
    ("model", "tells"),
    [
        ({}, True),
        ({"speech_model": "universal-3-6-pro"}, True),
        ({"speech_model": "universal-3-5-pro"}, True),
        ({"speech_model": "u3-rt-pro"}, True),
        ({"speech_model": "universal-streaming-english"}, False),
        ({"speech_model": "universal-streaming-multilingual"}, False),
        ({"speech_model": "whisper-rt"}, False),
    ],
)
def test_silence_is_asked_for_where_the_model_can_tell_it(
    model: dict[str, str], tells: bool
) -> None:
    assert ("acknowledge_silence" in query(**model)) == tells


@pytest.mark.parametrize(
    ("speakers", "given", "asked"),
    [
        ("none", {"speech_model": "universal-3-6-pro"}, {}),
        ("dash", {}, {"speaker_labels": True, "continuous_partials": True}),
        (
            "letter",
            {"speech_model": "universal-3-6-pro"},
            {"speaker_labels": True, "continuous_partials": True},
        ),
        ("dash", {"speech_model": "universal-streaming-english"}, {"speaker_labels": True}),
        ("dash", {"speech_model": "whisper-rt"}, {}),
        (
            "dash",
            {"continuous_partials": False},
            {"speaker_labels": True, "continuous_partials": False},
        ),
    ],
)
def test_speakers_are_asked_for_where_the_model_can_tell_them(
    speakers: Any,  # noqa: ANN401 - one of three
    given: dict[str, Parameter],
    asked: dict[str, Parameter],
) -> None:
    settings = Settings(
        service=ServiceSettings(parameters=given), session=SessionSettings(speakers=speakers)
    )
    assert asking_for_speakers(settings).service.parameters == given | asked
