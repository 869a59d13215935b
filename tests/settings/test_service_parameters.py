import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings import load
from appliance.settings.service_parameters import (
    MODELS,
    KnownParameters,
    decimal_comma,
    meant,
    meant_model,
)
from tests.settings.files import Write, problems_of

SECTION = "[service.parameters]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "speach_model = 'x'",
            "unknown key service.parameters.speach_model (did you mean speech_model?)",
        ),
        (
            "speaker_label = true",
            "unknown key service.parameters.speaker_label (did you mean speaker_labels?)",
        ),
        (
            "speech_model = 'universal-streaming-englisch'",
            'service.parameters.speech_model = "universal-streaming-englisch" is unknown '
            "(did you mean universal-streaming-english?)",
        ),
        (
            "speech_model = 'Universal-3-6-Pro'",
            'service.parameters.speech_model = "Universal-3-6-Pro" is unknown '
            "(did you mean universal-3-6-pro?)",
        ),
        (
            "mode = 'fast'",
            'service.parameters.mode = "fast" is not allowed: '
            'expected "min_latency", "balanced" or "max_accuracy"',
        ),
        (
            "max_speakers = 12",
            "service.parameters.max_speakers = 12 is not allowed: "
            "expected a whole number from 1 to 10",
        ),
        (
            "session_heartbeat = 'often'",
            'service.parameters.session_heartbeat = "often" is not allowed: expected true or false',
        ),
        (
            "vad_threshold = nan",
            "service.parameters.vad_threshold = nan is not allowed: "
            "expected text, a number, true, false, or a list",
        ),
        (
            "new = [{ day = 2026-01-01 }]",
            "service.parameters.new = [{'day': datetime.date(2026, 1, 1)}] is not allowed: "
            "expected text, a number, true, false, or a list",
        ),
    ],
)
def test_a_parameter_that_is_known_is_checked(write: Write, text: str, problem: str) -> None:
    assert problems_of(write(SECTION + text)) == [problem]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("new_parameter = [1, 'a', { b = true }]", [1, "a", {"b": True}]),
        ("speech_model = 'universal-3-7-pro'", "universal-3-7-pro"),
        ("speech_model = 'universal-4-pro'", "universal-4-pro"),
        ("speech_model = 'my-own-model'", "my-own-model"),
        ("speaker_labels_v2 = true", True),
        ("max_turn_silence = '1280'", "1280"),
        ("speaker_labels = 'true'", "true"),
        ("language_codes = '[\"de\"]'", '["de"]'),
        ("language_codes = ['en', 'de']", ["en", "de"]),
        (
            "llm_gateway = { model = 'm', messages = [{ role = 'user', content = 'Hi' }] }",
            {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
        ),
    ],
)
def test_what_is_new_or_written_in_another_way_passes(
    write: Write, text: str, value: object
) -> None:
    [found] = load(write(SECTION + text)).service.parameters.values()
    assert found == value


@given(st.sampled_from(KnownParameters.__struct_fields__), st.data())
def test_a_slip_of_the_pen_is_noticed(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(name) - 1))
    slip = name[:place] + name[place + 1 :]
    if len(name) > 5 and slip not in KnownParameters.__struct_fields__:
        assert meant(slip) in KnownParameters.__struct_fields__


@pytest.mark.parametrize("model", MODELS)
def test_every_known_model_and_its_successors_pass(model: str) -> None:
    assert meant_model(model) is None
    for digit in "123456789":
        assert meant_model(model.replace("3", digit)) is None


def test_the_default_parameters_are_known(write: Write) -> None:
    for name, value in load(write("")).service.parameters.items():
        assert name in KnownParameters.__struct_fields__
        assert value in MODELS


def test_every_parameter_has_a_default_of_its_own_type() -> None:
    assert msgspec.convert({}, KnownParameters) == KnownParameters()


@pytest.mark.parametrize(
    ("parameters", "comma"),
    [
        ({}, None),
        ({"speech_model": "universal-streaming-english"}, False),
        ({"speech_model": "universal-3-6-pro"}, None),
        ({"language_codes": ["de"]}, True),
        ({"language_codes": ["de-AT", "fr"]}, True),
        ({"language_codes": '["tr"]'}, True),
        ({"language_codes": ["en", "de"]}, None),
        ({"language_codes": ["es"]}, None),
        ({"language_codes": ["en", "ja"]}, False),
        ({"language_code": "de"}, True),
        ({"language_codes": []}, None),
    ],
)
def test_languages_tell_how_numbers_are_written(
    parameters: dict[str, object], comma: bool | None
) -> None:
    assert decimal_comma(parameters) is comma
