from typing import Annotated

import msgspec
from msgspec import Meta

from appliance.servers.local_service.parameter_errors import parameter_error


class Tea(msgspec.Struct):
    cups: Annotated[int, Meta(ge=1, le=9)]
    milk: bool = False


def error_in(given: dict[str, object]) -> str:
    sentence = parameter_error(given, Tea)
    assert sentence
    return sentence


def test_a_bad_value_is_named_with_what_is_allowed() -> None:
    assert error_in({"cups": 10}) == "cups is 10; it must be a whole number from 1 to 9"
    assert error_in({"cups": 1, "milk": "a lot"}) == ('milk is "a lot"; it must be true or false')


def test_a_missing_value_is_named() -> None:
    assert error_in({}) == "cups is missing; it must be a whole number from 1 to 9"


def test_a_long_value_is_abbreviated() -> None:
    sentence = error_in({"cups": "very " * 1000 + "many"})
    assert sentence.startswith('cups is "very very')
    assert len(sentence) < 120
