import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import appliance
from appliance.core.json_decoder import MAX_DEPTH, MAX_NUMBER, InvalidJsonError, JsonDecoder

ANYTHING = JsonDecoder[Any](object)


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_what_lies_too_deep_is_null(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    within = "" if opening == "[" else "1"
    whole = opening * MAX_DEPTH + within + closing * MAX_DEPTH
    deeper = opening * (MAX_DEPTH + 5) + within + closing * (MAX_DEPTH + 5)
    assert ANYTHING.decode(whole) == json.loads(whole)
    null = opening * MAX_DEPTH + "null" + closing * MAX_DEPTH
    assert ANYTHING.decode(deeper) == json.loads(null)


@pytest.mark.parametrize("depth", [20, 500, 990, 15_000, 400_000])
def test_the_rest_of_a_document_survives_what_is_nested(depth: int) -> None:
    found = ANYTHING.decode(f'{{"a": {nested(depth)}, "b": "]"}}')
    assert found["b"] == "]"
    assert len(str(found)) < 200


@pytest.mark.parametrize("depth", [20, 500, 990, 15_000, 400_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_endless_nesting_is_invalid(depth: int, opening: str) -> None:
    with pytest.raises(InvalidJsonError):
        ANYTHING.decode(opening * (depth // len(opening)))


def test_brackets_in_text_nest_nothing() -> None:
    said = ["[" * 100, '\\"' + "{" * 100, "]" * 100]
    assert ANYTHING.decode(json.dumps(said)) == said


def test_brackets_in_text_hide_no_nesting() -> None:
    hidden = '["]",' * 500 + "1" + ', "["]' * 500
    assert len(str(ANYTHING.decode(hidden))) < 200


@pytest.mark.parametrize(
    "number", ["1e308", "1e999", "-1e17", "9" * 16, "9" * 5000, "-" + "9" * 5000, "1e" + "9" * 5000]
)
def test_a_number_of_no_use_is_null(number: str) -> None:
    assert ANYTHING.decode(f'[{number}, {{"a":{number}}}, 1]') == [None, {"a": None}, 1]


@pytest.mark.parametrize("number", [MAX_NUMBER, -MAX_NUMBER, 0, 0.1234567890123456, 1e-300, 12e5])
def test_any_other_number_is_itself(number: float) -> None:
    assert ANYTHING.decode(json.dumps([number, str(number)])) == [number, str(number)]


def test_a_document_beyond_the_limit_is_invalid() -> None:
    small = JsonDecoder(str, max_size=10)
    assert small.decode(b'"12345678"') == "12345678"
    with pytest.raises(InvalidJsonError):
        small.decode(b'"123456789"')


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", "\ufeff"])
def test_a_byte_order_mark_is_ignored(mark: bytes | str) -> None:
    assert ANYTHING.decode(mark + "{}" if isinstance(mark, str) else mark + b"{}") == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_NUMBER, MAX_NUMBER) | st.text() | st.floats(-1, 1),
    lambda within: st.lists(within) | st.dictionaries(st.text(), within),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_what_is_within_the_limits_is_itself(value: object, ascii_only: bool) -> None:
    assert ANYTHING.decode(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text(st.sampled_from('[]{}",:\\ud8 0eE+-.9n\ud800'), max_size=300) | st.binary())
def test_any_document_is_understood_or_invalid(document: str | bytes) -> None:
    try:
        found = ANYTHING.decode(document)
    except InvalidJsonError:
        return
    msgspec.json.encode(found)


def test_no_module_decodes_json_by_itself() -> None:
    top = Path(appliance.__file__).parent
    texts = {path.relative_to(top): path.read_text() for path in top.rglob("*.py")}
    own = {
        str(path)
        for path, text in texts.items()
        if "msgspec.json.decode" in text
        or "msgspec.json.Decoder" in text
        or "json.loads(" in text.replace("...     stream = f", "").replace("json.loads(answer", "")
        or "RecursionError" in text
    }
    assert own == {"core/json_decoder.py"}
