"""Limits of a settings file, beyond which reading it would cost much time or memory."""

import re
from collections import deque
from typing import Any

MAX_SIZE = 128 * 1024
"""Bytes of a file."""

MAX_DEPTH = 16
"""Tables and lists within each other; the settings need four."""

MAX_NUMBER = 2**63 - 1
"""The largest whole number of TOML."""

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*"""
_LONG_KEY = re.compile(rf"^[ \t]*\[{{0,2}}[ \t]*(?:{_PART}\.[ \t]*){{{MAX_DEPTH}}}", re.MULTILINE)
"""A key or the name of a table, in more parts than are allowed. Python's parser takes memory and
time that grow with the square of their number."""


def has_long_key(text: str) -> bool:
    """Return whether the text of a file has a key of too many parts, as in `a.b.c`.

    >>> has_long_key("[a.b.c]"), has_long_key("a." * 100 + "b = 1")
    (False, True)
    """
    return _LONG_KEY.search(text) is not None


def problems_of_limits(table: dict[str, Any]) -> list[str]:
    """Return a sentence if a table that was read from TOML exceeds a limit.

    >>> problems_of_limits({"display": {"lines": 10**100}})
    ['display.lines is too large a number']
    """
    values: deque[tuple[str, object, int]] = deque([("", table, 0)])
    while values:
        name, value, depth = values.popleft()
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            return [f"{name} is too large a number"]
        if isinstance(value, dict | list) and depth > MAX_DEPTH:
            return [f"{name} has too many tables or lists within each other"]
        if isinstance(value, dict):
            within = ((f"{name}.{key}" if name else key, it) for key, it in value.items())
        elif isinstance(value, list):
            within = ((name, it) for it in value)
        else:
            continue
        values.extend((shown_key(inner), it, depth + 1) for inner, it in within)
    return []


def shown_key(key: str, width: int = 80) -> str:
    """Return a key or a value for a sentence: not too long, and without control characters.

    >>> shown_key("a" * 100, width=5)
    'aaaa…'
    """
    key = key if len(key) <= width else key[: width - 1] + "…"
    return "".join(it if it.isprintable() else ascii(it)[1:-1] for it in key)
