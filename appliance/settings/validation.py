"""Validation errors in words: what a typed field allows, and a sentence for each bad setting."""

import difflib
import itertools
import math
import re
from typing import Any

import msgspec
from msgspec import inspect

from appliance.settings.commands import BY_ACTION, Gpio
from appliance.settings.limits import shown_key
from appliance.settings.service_parameters import KnownParameters, meant, meant_model

CARD_SECRETS = ("api_key", "token_secret", "mqtt_password")
"""Secrets that only the file on the boot partition may hold; one that is left could not be used."""

TOP_LEVEL_KEYS = ("name", "commands_prefix")
"""Keys without a section: added at the end of a file, they land in its last section."""

MAX_PROBLEMS = 20
"""Sentences about one table: nobody reads more."""

_UNSHOWN = re.compile(r"(.*_file|commands.*\.url|mqtt\.host) = .*|[^=]*url = .*[@?#].*", re.DOTALL)
"""Values that may hold a secret, which must not be shown: a secret in place of its file, or a
password in an address."""


def allowed(type_: Any) -> str:  # noqa: ANN401 - an annotation may be anything
    """Return the values that a field's type allows: its description, else its limits in words.

    >>> from typing import Annotated
    >>> from msgspec import Meta
    >>> allowed(Annotated[int, Meta(ge=8000, le=48_000)])
    'a whole number from 8000 to 48000'
    >>> allowed(Annotated[int, Meta(ge=0, le=27, description="a GPIO number from 0 to 27")])
    'a GPIO number from 0 to 27'
    """
    return _in_words(inspect.type_info(type_))


def allows(type_: Any, value: object, *, strict: bool = True) -> bool:  # noqa: ANN401 - as above
    """Return whether a field's type allows a value; unless `strict`, numbers may come as text."""
    try:
        msgspec.convert(value, type_, strict=strict)
    except msgspec.ValidationError:
        return False
    return True


def _in_words(type_: inspect.Type) -> str:
    match type_:
        case inspect.Metadata(extra_json_schema={"description": description}):
            words = str(description)
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType(ge=least, le=most):
            words = f"a whole number {_range(least, most)}"
        case inspect.FloatType(ge=least, le=most):
            words = f"a number {_range(least, most)}"
        case inspect.LiteralType(values=values):
            words = " or ".join(map(str, values))
        case inspect.UnionType(types=types):
            # None says that an optional value was not given; nobody can write it.
            words = " or ".join(_in_words(it) for it in types if it != inspect.NoneType())
        case _:
            words = "text"
    return words


def _range(least: float | None, most: float | None) -> str:
    return f"of {least} or more" if most is None else f"from {least} to {most}"


def problems_in(
    section: type[msgspec.Struct], table: dict[str, Any], prefix: str = ""
) -> list[str]:
    """Return a sentence for each key of a table that is unknown or has a bad value.

    >>> from appliance.settings.schema import ButtonSettings
    >>> problems_in(ButtonSettings, {"pin": 99, "pul_up": True}, prefix="button.")
    ... # doctest: +NORMALIZE_WHITESPACE
    ['button.pin = 99 is not allowed: expected a GPIO number from 0 to 27',
     'unknown key button.pul_up (did you mean pull_up?)']

    Args:
        section: the struct of the table.
        table: its keys and values, as read from TOML.
        prefix: the table's name with a dot; empty for the whole file.
    """
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    problems: list[str] = []
    for key, value in table.items():
        if len(problems) >= MAX_PROBLEMS:
            break
        name = f"{prefix}{shown_key(key)}"
        if key in CARD_SECRETS:
            problems.append(f"{name} can't be used: write it on the card again, in quotes")
        elif key in TOP_LEVEL_KEYS and key not in fields:
            problems.append(_misplaced(name))
        elif key not in fields:
            problems.append(f"unknown key {name}{_suggestion(key, list(fields))}")
        elif _is_section(fields[key].type):
            if isinstance(value, dict):
                problems += problems_in(fields[key].type, value, prefix=f"{name}.")
            else:
                problems.append(f"{name} is a section: write [{name}]")
        elif name == "commands":
            problems += _problems_in_commands(value)
        elif name == "service.parameters" and isinstance(value, dict):
            problems += _problems_in_parameters(name, value)
        elif not _is_finite(value) or not allows(fields[key].type, value):
            problems.append(_not_allowed(name, value, allowed(fields[key].type)))
    return problems


def _problems_in_parameters(section: str, table: dict[str, Any]) -> list[str]:
    """Return a sentence for each parameter that is misspelt or has a bad value; new ones pass."""
    known = {field.name: field.type for field in msgspec.structs.fields(KnownParameters)}
    problems = []
    for key, value in table.items():
        name = f"{section}.{shown_key(key)}"
        if key in TOP_LEVEL_KEYS:
            problems.append(_misplaced(name))
        elif not _is_json(value):
            problems.append(_not_allowed(name, value, "text, a number, true, false, or a list"))
        elif key not in known:
            if better := meant(key):
                problems.append(f"unknown key {name} (did you mean {better}?)")
        elif not allows(known[key], value, strict=not isinstance(value, str)):
            problems.append(_not_allowed(name, value, allowed(known[key])))
        elif key == "speech_model" and (model := meant_model(value)):
            problems.append(f"{name} = {_as_toml(value)} is unknown (did you mean {model}?)")
    return problems[:MAX_PROBLEMS]


def _problems_in_commands(tables: object) -> list[str]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return ["commands is a list of tables: write [[commands]]"]
    problems = (
        problem
        for number, table in enumerate(tables, start=1)
        for problem in _problems_in_command(f"commands[{number}]", table)
    )
    return list(itertools.islice(problems, MAX_PROBLEMS))


def _problems_in_command(name: str, table: dict[str, Any]) -> list[str]:
    """Return a sentence for each problem of one command; `name` is as in "commands[1]"."""
    others = dict(table)
    action = others.pop("action", None)
    command = BY_ACTION.get(action) if isinstance(action, str) else None
    if command is None:
        actions = ", ".join(f'"{action}"' for action in BY_ACTION)
        if action is None:
            return [f"{name}.action is missing: write one of {actions}"]
        return [_not_allowed(f"{name}.action", action, actions)]
    problems = [
        f"{name}.{field.name} is missing: write {allowed(field.type)}"
        for field in msgspec.structs.fields(command)
        if field.required and field.name not in table
    ]
    if command is Gpio and "seconds" in table and table.get("state") in ("on", "off", "toggle"):
        problems.append(f'{name}.seconds belongs to state = "pulse": write that, or leave it out')
    return problems + problems_in(command, others, prefix=f"{name}.")


def _misplaced(name: str) -> str:
    return f"{name} belongs at the top of the file, before the first [section]"


def _not_allowed(name: str, value: object, expected: str) -> str:
    shown = "..." if _UNSHOWN.fullmatch(f"{name} = {value}") else _as_toml(value)
    return f"{name} = {shown} is not allowed: expected {expected}"


def _is_section(type_: Any) -> bool:  # noqa: ANN401 - an annotation may be anything
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _is_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_json(value: object) -> bool:
    """Return whether JSON can hold the value: TOML also has dates, times and infinity."""
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    if isinstance(value, list):
        return all(map(_is_json, value))
    return isinstance(value, str | bool | int | float) and _is_finite(value)


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{shown_key(value)}"' if isinstance(value, str) else shown_key(str(value))
