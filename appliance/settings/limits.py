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

_BRACKETS = re.compile(
    r"""
    "{3} (?: \\?. )*? (?: "{3} | \Z ) | '{3} .*? (?: '{3} | \Z )    # over several lines
    | " (?: [^"\\\n] | \\. )* "? | ' [^'\n]* '?
    | \# [^\n]*                                                     # a comment
    | ( [\[{] ) | [\]}]
    """,
    re.DOTALL | re.VERBOSE,
)
"""A bracket, or a piece of text that may hold some without opening anything. A string that never
ends counts as one up to its line's or the file's end: so no input takes more than one pass."""


def problem_of_nesting(text: str) -> str | None:
    """Return a sentence if the text of a file is nested more deeply than its parser should go.

    It is looked at before it is parsed, since Python's parser calls itself at each bracket: near
    the end of the stack any other code fails as well, such as what cleans up after a thread.

    >>> problem_of_nesting("[a.b.c]"), problem_of_nesting("a." * 100 + "b = 1")
    (None, 'a key has too many parts')
    >>> problem_of_nesting("a = " + "[" * 100)
    'it has too many tables or lists within each other'
    """
    if _LONG_KEY.search(text):
        return "a key has too many parts"
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[1]:
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            return "it has too many tables or lists within each other"
    return None


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
