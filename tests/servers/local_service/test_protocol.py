import pytest

from appliance.servers.local_service import protocol
from appliance.servers.local_service.parameters import SessionParameters, parameters
from appliance.servers.local_service.refusals import RefusedError

MODEL = ("speech_model", "universal-streaming-english")


def session(*query: tuple[str, str]) -> SessionParameters:
    return parameters([MODEL, *query], SessionParameters)


def update(text: str, current: SessionParameters) -> SessionParameters:
    message = protocol.client_message(text)
    assert isinstance(message, protocol.UpdateConfiguration)
    return message.applied_to(current)


def test_an_update_changes_each_setting() -> None:
    changed = update(
        '{"type": "UpdateConfiguration", "format_turns": true, "keyterms_prompt": ["tea"], '
        '"end_of_turn_confidence_threshold": 1, "min_turn_silence": 100, "max_turn_silence": 200, '
        '"vad_threshold": 0.7, "session_heartbeat": true, "acknowledge_silence": true}',
        session(),
    )
    assert changed == session(
        ("format_turns", "true"),
        ("keyterms_prompt", "tea"),
        ("end_of_turn_confidence_threshold", "1"),
        ("min_turn_silence", "100"),
        ("max_turn_silence", "200"),
        ("vad_threshold", "0.7"),
        ("session_heartbeat", "true"),
        ("acknowledge_silence", "true"),
    )


def test_an_update_keeps_other_settings() -> None:
    before = session(("keyterms_prompt", "tea"), ("min_turn_silence", "100"))
    assert update('{"type": "UpdateConfiguration"}', before) == before


def test_formatting_can_be_switched_off_whichever_name_switched_it_on() -> None:
    before = session(("formatted_finals", "true"))
    text = '{"type": "UpdateConfiguration", "format_turns": false}'
    assert not update(text, before).sends_formatted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vad_threshold", "1.1"),
        ("end_of_turn_confidence_threshold", "-0.1"),
        ("min_turn_silence", '"long"'),
        ("max_turn_silence", "60001"),
        ("format_turns", '"perhaps"'),
        ("keyterms_prompt", '"tea"'),
        ("session_heartbeat", "1"),
    ],
)
def test_a_bad_change_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(RefusedError, match=name) as caught:
        protocol.client_message(f'{{"type": "UpdateConfiguration", "{name}": {value}}}')
    assert caught.value.code == 3006


def test_a_bad_change_is_explained() -> None:
    with pytest.raises(RefusedError) as caught:
        protocol.client_message('{"type": "UpdateConfiguration", "min_turn_silence": "long"}')
    assert str(caught.value) == (
        'Invalid UpdateConfiguration: min_turn_silence is "long"; '
        "it must be a whole number from 0 to 60000"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"type": "KeepAlive", "a": ' + "[" * 100_000,
        '{"type": "UpdateConfiguration", "vad_threshold": NaN}',
    ],
)
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="Invalid JSON") as caught:
        protocol.client_message(text)
    assert caught.value.code == 3006


@pytest.mark.parametrize(
    "fields",
    [
        '"vad_threshold": 1e400',
        '"min_turn_silence": ' + "9" * 5000,
        '"keyterms_prompt": ' + "[" * 50 + "]" * 50,
    ],
)
def test_values_beyond_any_use_are_refused_by_name(fields: str) -> None:
    name = fields.split('"')[1]
    with pytest.raises(RefusedError, match=f"Invalid UpdateConfiguration: {name}") as caught:
        protocol.client_message(f'{{"type": "UpdateConfiguration", {fields}}}')
    assert caught.value.code == 3006


def test_what_no_engine_here_does_is_not_applied() -> None:
    asked = parameters(
        [
            ("speaker_labels", "true"),
            ("max_speakers", "2"),
            ("language_detection", "true"),
            ("voice_focus", "near-field"),
            ("mode", "of-next-year"),
        ],
        SessionParameters,
    )
    applied = protocol.Configuration.of(asked, knows_speakers=False)
    assert applied.model == "universal-3-6-pro"
    assert applied.api_version == "2025-05-12"
    assert (applied.speaker_labels, applied.max_speakers) == (False, None)
    assert (applied.language_detection, applied.voice_focus, applied.mode) == (False, None, None)
    assert protocol.Configuration.of(asked, knows_speakers=True).max_speakers == 2


@pytest.mark.parametrize(
    ("model", "acknowledges"),
    [("universal-3-6-pro", True), ("universal-streaming-english", False)],
)
def test_the_newer_models_alone_acknowledge_silence(model: str, acknowledges: bool) -> None:
    query = [("speech_model", model), ("acknowledge_silence", "true")]
    asked = parameters(query, SessionParameters)
    applied = protocol.Configuration.of(asked, knows_speakers=False)
    assert applied.acknowledge_silence == asked.sends_silence == acknowledges
