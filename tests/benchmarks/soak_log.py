"""Lines of a log that no fault explains."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

_LINE = re.compile(r"\d\d:\d\d:\d\d (?P<level>[A-Z]+) +\S+?: ")
_SEVERE = {"ERROR", "CRITICAL"}


class Unexplained(NamedTuple):
    """Lines that no fault explains: `severe` ones, and warnings."""

    severe: list[str]
    warnings: list[str]


def unexplained(lines: Iterable[str], explained: Collection[str]) -> Unexplained:
    """Return the lines above INFO in which none of these patterns is found.

    What is no line of the log at all, such as a stack trace or a library's own words, is severe.
    """
    found = Unexplained([], [])
    for level, line in _above_info(lines):
        if not any(re.search(pattern, line) for pattern in explained):
            (found.warnings if level == "WARNING" else found.severe).append(line)
    return found


def _above_info(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        match = _LINE.match(line)
        level = match["level"] if match else "CRITICAL"
        if level == "WARNING" or level in _SEVERE:
            yield level, line.rstrip("\n")
