"""What is wrong with a value that a client sent, in a sentence that names what is allowed."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

SHOWN = 60
"""Characters of a bad value that are repeated; a close frame has room for 123 bytes in all."""

_PLACE = re.compile(r"`\$\.(\w+)|missing required field `(\w+)`")
"""How msgspec says where: " - at `$.min_turn_silence`"."""


def complaint(
    error: msgspec.ValidationError, given: Mapping[str, Any], type_: type[msgspec.Struct]
) -> str:
    """Return what `error` says of one of the values given for the fields of `type_`.

    >>> complaint(error, {"sample_rate": "many"}, SessionParameters)
    'sample_rate is "many"; it must be a whole number from 8000 to 48000'
    """
    place = _PLACE.search(str(error))
    if place is None:
        return str(error)
    name = place[1] or place[2]
    allowed = {field.name: _allowed(field.type) for field in _fields(type_)}[name]
    what = f"is {_shown(given[name])}" if name in given else "is missing"
    return f"{name} {what}; it must be {allowed}"


def _fields(type_: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    described = inspect.type_info(type_)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker
    return described.fields


def _allowed(type_: inspect.Type) -> str:
    match type_:
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType(ge=least, le=most):
            words = f"a whole number {_range(least, most)}"
        case inspect.FloatType(ge=least, le=most):
            words = f"a number {_range(least, most)}"
        case inspect.LiteralType(values=values):
            words = " or ".join(map(str, values))
        case inspect.VarTupleType(max_length=most):
            words = f"a list of terms in JSON, {most} at most"
        case inspect.UnionType(types=types):  # with None, which means that it was not given
            words = _allowed(types[0])
        case _:
            words = "a name: letters, digits, dots, hyphens and underscores"
    return words


def _range(least: float | None, most: float | None) -> str:
    return f"of {least} or more" if most is None else f"from {least} to {most}"


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
