import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.servers.local_service.parameters import (
    SessionParameters,
    TokenParameters,
    parameters,
)
from appliance.servers.local_service.refusals import RefusedError

MODEL = ("speech_model", "universal-streaming-english")


def session(*query: tuple[str, str]) -> SessionParameters:
    return parameters([MODEL, *query], SessionParameters)


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
            'sample_rate is "many"; it must be a whole number from 8000 to 96000',
        ),
        (
            "max_speakers",
            "11",
            'max_speakers is "11"; it must be a whole number from 1 to 10',
        ),
        (
            "speaker_labels_revision_interval_ms",
            "1000",
            'speaker_labels_revision_interval_ms is "1000"; '
            "it must be a whole number from 120000 to 300000",
        ),
        ("vad_threshold", "1.1", 'vad_threshold is "1.1"; it must be a number from 0 to 1'),
        ("format_turns", "perhaps", 'format_turns is "perhaps"; it must be true or false'),
        ("encoding", "opus", 'encoding is "opus"; it must be pcm_mulaw or pcm_s16le'),
        ("keyterms_prompt", "[1]", "keyterms_prompt is [1]; it must be a list in JSON"),
    ],
)
def test_a_refusal_names_the_parameter_its_value_and_what_is_allowed(
    name: str, value: str, sentence: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        session((name, value))
    assert str(caught.value).startswith(f"Invalid parameter: {sentence}")


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(RefusedError, match="expires_in_seconds is missing; it must be a whole"):
        parameters([], TokenParameters)


def test_a_client_that_names_no_model_has_the_vendors_default() -> None:
    assert parameters([("sample_rate", "16000")], SessionParameters).speech_model == (
        "universal-3-6-pro"
    )


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


@pytest.mark.parametrize(
    ("asked", "applied", "silences"),
    [
        ({}, None, (400, 1280)),
        ({"mode": "min_latency"}, "min_latency", (128, 640)),
        ({"mode": "balanced"}, "balanced", (128, 1280)),
        ({"mode": "max_accuracy"}, "max_accuracy", (512, 2560)),
        ({"mode": "min_latency", "max_turn_silence": "900"}, "min_latency", (128, 900)),
        ({"mode": "min_latency", "min_turn_silence": "0"}, "min_latency", (0, 640)),
        ({"mode": "min_latency", "speaker_labels": "true"}, None, (400, 1280)),
        ({"mode": "min_latency", "speech_model": "whisper-rt"}, None, (400, 1280)),
        ({"mode": "of-next-year"}, None, (400, 1280)),
    ],
)
def test_a_mode_of_the_newer_models_decides_about_silences(
    asked: dict[str, str], applied: str | None, silences: tuple[int, int]
) -> None:
    query = {"speech_model": "universal-3-6-pro", **asked}
    given = parameters(query.items(), SessionParameters)
    assert (given.applied_mode, given.turn_silences) == (applied, silences)


NAMES = [field.encode_name for field in msgspec.structs.fields(SessionParameters)]
HOSTILE = [
    "", "nan", "-inf", "1e308", "1e400", "9" * 5000, "-1", "null", "[]", "{}", "[" * 100_000,
    '["\\ud800"]', '["' + "x" * 51 + '"]', str(["x"] * 101).replace("'", '"'), "\x00", "\n",
    "x" * 100_000, "٣", "true;drop",
]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(HOSTILE) | st.text()), max_size=4)
)
def test_any_query_gives_bounded_parameters_or_a_short_refusal(
    query: list[tuple[str, str]],
) -> None:
    refusals: list[RefusedError] = []
    made = SessionParameters()
    try:
        made = parameters(query, SessionParameters)
    except RefusedError as refusal:
        refusals.append(refusal)
    assert all(refusal.code == 3006 and len(str(refusal)) < 300 for refusal in refusals)
    assert len(made.speech_model) <= 100
    assert 8000 <= made.sample_rate <= 96_000
    assert len(made.keyterms_prompt) <= 100
    assert all(len(term) <= 50 for term in made.keyterms_prompt)
    assert all(0 <= silence <= 60_000 for silence in made.turn_silences)
    assert 0 <= made.vad_threshold <= 1
