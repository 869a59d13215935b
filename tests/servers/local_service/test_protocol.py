import pytest

from appliance.servers.local_service import protocol
from appliance.servers.local_service.protocol import RefusedError, SessionParameters

MODEL = ("speech_model", "universal-streaming-english")


def session(*query: tuple[str, str]) -> SessionParameters:
    return protocol.parameters([MODEL, *query], SessionParameters)


def update(text: str, current: SessionParameters) -> SessionParameters:
    message = protocol.client_message(text)
    assert isinstance(message, protocol.UpdateConfiguration)
    return message.applied_to(current)


# Parameters


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "1"])
def test_booleans_may_be_written_in_any_case(value: str) -> None:
    assert session(("format_turns", value)).sends_formatted
    assert not session(("format_turns", "False")).sends_formatted


def test_turns_are_formatted_by_either_name() -> None:
    assert session(("formatted_finals", "true")).sends_formatted
    assert session(("format_turns", "true")).sends_formatted
    assert not session().sends_formatted


@pytest.mark.parametrize(
    "query",
    [
        [("keyterms_prompt", '["Keanu Reeves", "tea"]')],
        [("keyterms_prompt", "Keanu Reeves"), ("keyterms_prompt", "tea")],
    ],
)
def test_keyterms_are_a_json_list_or_repeated(query: list[tuple[str, str]]) -> None:
    assert session(*query).keyterms_prompt == ("Keanu Reeves", "tea")


def test_one_keyterm_needs_no_list() -> None:
    assert session(("keyterms_prompt", "tea")).keyterms_prompt == ("tea",)
    assert session(("keyterms_prompt", "")).keyterms_prompt == ()


@pytest.mark.parametrize("value", ["[1, 2]", '["tea"', "[[]]"])
def test_bad_keyterms_are_refused_by_name(value: str) -> None:
    with pytest.raises(RefusedError, match="keyterms_prompt") as caught:
        session(("keyterms_prompt", value))
    assert caught.value.code == 3006


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "sample_rate",
            "many",
            'sample_rate is "many"; it must be a whole number from 8000 to 48000',
        ),
        ("max_speakers", "0", 'max_speakers is "0"; it must be a whole number of 1 or more'),
        ("vad_threshold", "1.1", 'vad_threshold is "1.1"; it must be a number from 0 to 1'),
        ("format_turns", "perhaps", 'format_turns is "perhaps"; it must be true or false'),
        ("encoding", "opus", 'encoding is "opus"; it must be pcm_mulaw or pcm_s16le'),
        ("keyterms_prompt", "[1]", "keyterms_prompt is [1]; it must be a list of terms in JSON"),
    ],
)
def test_a_refusal_names_the_parameter_its_value_and_what_is_allowed(
    name: str, value: str, sentence: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        session((name, value))
    assert str(caught.value).startswith(f"Invalid parameter: {sentence}")


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(RefusedError, match="speech_model is missing; it must be a name"):
        protocol.parameters([], SessionParameters)


@pytest.mark.parametrize("model", ["universal-9.5-pro", "U9_Pro"])
def test_unknown_models_are_accepted(model: str) -> None:
    assert session(("speech_model", model)).speech_model == model


@pytest.mark.parametrize("model", ["", "tele pathy", "Telepathy!", "model\n", "x" * 101])
def test_a_malformed_model_name_is_refused(model: str) -> None:
    with pytest.raises(RefusedError, match=r"speech_model is .*letters, digits"):
        session(("speech_model", model))


@pytest.mark.parametrize("model", ["u3-rt-pro", "universal-3-5-pro", "universal-9"])
def test_the_newer_models_send_formatted_turns_only(model: str) -> None:
    assert session(("speech_model", model)).sends_formatted_only
    assert not session().sends_formatted_only


# UpdateConfiguration


def test_an_update_changes_each_setting() -> None:
    changed = update(
        '{"type": "UpdateConfiguration", "format_turns": true, "keyterms_prompt": ["tea"], '
        '"end_of_turn_confidence_threshold": 1, "min_turn_silence": 100, "max_turn_silence": 200, '
        '"vad_threshold": 0.7}',
        session(),
    )
    assert changed == session(
        ("format_turns", "true"),
        ("keyterms_prompt", "tea"),
        ("end_of_turn_confidence_threshold", "1"),
        ("min_turn_silence", "100"),
        ("max_turn_silence", "200"),
        ("vad_threshold", "0.7"),
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
