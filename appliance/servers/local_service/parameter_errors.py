"""Wording of a client's bad parameter: its name, its value and the values that are allowed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from appliance.settings.validation import allowed, allows

MAX_SHOWN = 60
"""Characters of a bad value that the sentence repeats; a close frame has room for 123 bytes."""


def parameter_error(
    given: Mapping[str, Any], type_: type[msgspec.Struct], *, strict: bool = True
) -> str | None:
    """Return a sentence about the first value that a field of `type_` does not allow; else None.

    >>> from appliance.servers.local_service.parameters import TokenParameters
    >>> parameter_error({"expires_in_seconds": "soon"}, TokenParameters, strict=False)
    'expires_in_seconds is "soon"; it must be a whole number from 1 to 600'

    Unless `strict`, numbers may come as text.
    """
    for field in msgspec.structs.fields(type_):
        name = field.encode_name
        if name not in given:
            if field.required:
                return f"{name} is missing; it must be {allowed(field.type)}"
        elif not allows(field.type, given[name], strict=strict):
            return f"{name} is {_shown(given[name])}; it must be {allowed(field.type)}"
    return None


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
