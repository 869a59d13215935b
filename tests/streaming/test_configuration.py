import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.unapplied import Unapplied
from appliance.streaming.configuration import unapplied

MODEL = "universal-streaming-english"


def test_what_is_applied_as_asked_is_not_reported() -> None:
    asked = {"speech_model": MODEL, "vad_threshold": 0.4, "speaker_labels": True}
    applied = {"model": MODEL, "vad_threshold": 0.4, "speaker_labels": True, "mode": None}
    assert unapplied(asked, applied) == ()


def test_a_model_that_was_replaced_is_reported() -> None:
    (found,) = unapplied({"speech_model": MODEL}, {"model": "universal-3-6-pro"})
    assert found == Unapplied("speech_model", MODEL, "universal-3-6-pro")
    assert found.is_model
    assert str(found) == f'speech_model is "universal-3-6-pro", not "{MODEL}"'


@pytest.mark.parametrize("configuration", [{"model": MODEL}, {"model": MODEL, "mode": None}])
def test_a_parameter_that_is_not_there_is_reported(configuration: dict[str, object]) -> None:
    (found,) = unapplied({"speech_model": MODEL, "mode": "min_latency"}, configuration)
    assert not found.is_model
    assert str(found) == "mode is not applied"


@pytest.mark.parametrize("configuration", [None, 5, "x", [], [{"model": "x"}]])
def test_a_service_that_says_nothing_is_believed(configuration: object) -> None:
    assert unapplied({"speech_model": MODEL, "mode": "min_latency"}, configuration) == ()


@pytest.mark.parametrize(
    ("asked", "applied"),
    [
        (True, "True"),
        ("true", True),
        (False, None),
        ("false", None),
        ([], None),
        (400, 400.0),
        ("400", 400),
        (0.4, 0.4000000059604645),
        ("Min_Latency", "min_latency"),
        (["Anna", "Grünkohl"], ["anna", "grünkohl"]),
        (["a", "b"], '["a", "b"]'),
        ({"model": "x", "n": 1}, {"Model": "X", "n": 1.0, "rest": None}),
        (10**400, 10**500),
    ],
)
def test_values_are_compared_by_what_they_mean(asked: object, applied: object) -> None:
    assert unapplied({"key": asked}, {"key": applied}) == ()


@pytest.mark.parametrize(
    ("asked", "applied"),
    [(True, None), (True, False), (400, 401), ("a", "b"), (["a"], ["b"]), ("", "x"), (1, True)],
)
def test_values_that_differ_are_reported(asked: object, applied: object) -> None:
    assert len(unapplied({"key": asked}, {"key": applied})) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), anything), anything)
def test_whatever_a_service_says_is_compared(asked: dict[str, object], said: object) -> None:
    for found in unapplied(asked, said):
        assert len(str(found)) < len(found.name) + 120
