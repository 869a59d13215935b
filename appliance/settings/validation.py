"""Mistakes in a settings file: a sentence for each, with the key, its value and what is allowed."""

import difflib
import math
import re
from typing import Any

import msgspec

from appliance.settings.commands import BY_ACTION, Gpio

ON_THE_CARD = ("api_key", "token_secret", "mqtt_password")
"""Secrets that only a file on the boot partition may hold; what is left of them can't be used."""

AT_THE_TOP = ("name", "commands_prefix")
"""Keys of no section: whoever adds them at the end of a file puts them into its last one."""

_UNSHOWN = re.compile(r"(.*_file|commands.*\.url|mqtt\.host) = .*|[^=]*url = .*[@?#].*", re.DOTALL)
"""Values that may hold a secret: whoever takes a secret's file for the secret, or puts a password
into an address, must not read it on the screen."""


def mistakes_in(
    section: type[msgspec.Struct], table: dict[str, Any], prefix: str = ""
) -> list[str]:
    """Return a sentence for each key of a table that is unknown or has a bad value.

    `prefix` names the table, as in "display.".
    """
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    mistakes = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if key in ON_THE_CARD:
            mistakes.append(f"{name} can't be used: write it on the card again, in quotes")
        elif key in AT_THE_TOP and key not in fields:
            mistakes.append(_misplaced(name))
        elif key not in fields:
            mistakes.append(f"unknown key {name}{_suggestion(key, list(fields))}")
        elif _is_section(fields[key].type):
            if isinstance(value, dict):
                mistakes += mistakes_in(fields[key].type, value, prefix=f"{name}.")
            else:
                mistakes.append(f"{name} is a section: write [{name}]")
        elif name == "commands":
            mistakes += _mistakes_in_commands(value)
        elif not _allows(fields[key].type, value):
            mistakes.append(_not_allowed(name, value, _description(fields[key].type)))
        elif isinstance(value, dict):
            mistakes += [_misplaced(f"{name}.{it}") for it in AT_THE_TOP if it in value]
    return mistakes


def _mistakes_in_commands(tables: object) -> list[str]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return ["commands is a list of tables: write [[commands]]"]
    return [
        mistake
        for number, table in enumerate(tables, start=1)
        for mistake in _mistakes_in_command(f"commands[{number}]", table)
    ]


def _mistakes_in_command(name: str, table: dict[str, Any]) -> list[str]:
    """Return what is wrong with one command, the first of which is number 1."""
    others = dict(table)
    action = others.pop("action", None)
    command = BY_ACTION.get(action) if isinstance(action, str) else None
    if command is None:
        allowed = ", ".join(f'"{action}"' for action in BY_ACTION)
        if action is None:
            return [f"{name}.action is missing: write one of {allowed}"]
        return [_not_allowed(f"{name}.action", action, allowed)]
    mistakes = [
        f"{name}.{field.name} is missing: write {_description(field.type)}"
        for field in msgspec.structs.fields(command)
        if field.required and field.name not in table
    ]
    if command is Gpio and "seconds" in table and table.get("state") in ("on", "off", "toggle"):
        mistakes.append(f'{name}.seconds belongs to state = "pulse": write that, or leave it out')
    return mistakes + mistakes_in(command, others, prefix=f"{name}.")


def _misplaced(name: str) -> str:
    return f"{name} belongs at the top of the file, before the first [section]"


def _not_allowed(name: str, value: object, allowed: str) -> str:
    told = "..." if _UNSHOWN.fullmatch(f"{name} = {value}") else _as_toml(value)
    return f"{name} = {told} is not allowed: expected {allowed}"


def _is_section(type_: Any) -> bool:  # noqa: ANN401 - an annotation may be anything
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _allows(type_: Any, value: object) -> bool:  # noqa: ANN401 - an annotation may be anything
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True


def _description(type_: Any) -> str:  # noqa: ANN401 - an annotation may be anything
    return str(type_.__metadata__[-1].description)


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
