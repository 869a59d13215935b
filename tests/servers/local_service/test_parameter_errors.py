from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from appliance.servers.local_service.parameter_errors import complaint


class Tea(msgspec.Struct):
    cups: Annotated[int, Meta(ge=1, le=9)]
    milk: bool = False


def complaint_about(given: dict[str, object]) -> str:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(given, Tea)
    return complaint(caught.value, given, Tea)


def test_a_bad_value_is_told_with_what_is_allowed() -> None:
    assert complaint_about({"cups": 10}) == "cups is 10; it must be a whole number from 1 to 9"
    assert complaint_about({"cups": 1, "milk": "a lot"}) == (
        'milk is "a lot"; it must be true or false'
    )


def test_a_missing_value_is_told() -> None:
    assert complaint_about({}) == "cups is missing; it must be a whole number from 1 to 9"


def test_of_a_long_value_the_beginning_is_repeated() -> None:
    sentence = complaint_about({"cups": "very " * 1000 + "many"})
    assert sentence.startswith('cups is "very very')
    assert len(sentence) < 120
