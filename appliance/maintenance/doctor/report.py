"""Report of check results: lines for a person, JSON for a program."""

import textwrap
from collections import Counter
from collections.abc import Sequence

import click
import msgspec

from appliance.maintenance.doctor.result import CheckResult, Result

Named = tuple[str, CheckResult]
"""Name of a check, and its result."""

MARKS = {
    Result.FINE: ("✓", "green"),
    Result.WARNING: ("!", "yellow"),
    Result.FAILED: ("✗", "red"),
    Result.NOT_TRIED: ("-", "bright_black"),
}
"""Sign before the word of each result, and the colour of both on a terminal."""

_RESULT_WIDTH = max(len(result.value) for result in Result) + 2
_NAME_WIDTH = 12


def line(name: str, result: CheckResult, width: int = 0) -> str:
    """Return a result as a line, with its remedy on a second one.

    Args:
        name: name of the check.
        result: its result.
        width: columns to wrap at; 0 not to wrap.
    """
    mark, colour = MARKS[result.result]
    word = click.style(f"{mark} {result.result.value}".ljust(_RESULT_WIDTH), fg=colour)
    indent = " " * (_RESULT_WIDTH + 2)
    hanging = indent + " " * (_NAME_WIDTH + 2)
    texts = [f"{name:<{_NAME_WIDTH}}  {result.found}"]
    texts += [" " * (_NAME_WIDTH + 2) + f"-> {result.remedy}"] if result.remedy else []
    wrapped = [_wrapped(indent + text, width, hanging) for text in texts]
    return "\n".join([word + wrapped[0][_RESULT_WIDTH:], *wrapped[1:]])


def summary(results: Sequence[Named]) -> str:
    """Return how many results there are of each kind."""
    counts = Counter(result.result for _, result in results)
    return ", ".join(f"{counts[kind]} {kind.value}" for kind in Result if counts[kind])


def as_json(results: Sequence[Named]) -> str:
    """Return all results as one JSON object."""
    checks = [
        {
            "name": name,
            "result": result.result.value,
            "found": result.found,
            "remedy": result.remedy,
        }
        for name, result in results
    ]
    report = {"ok": is_well(results), "checks": checks}
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def is_well(results: Sequence[Named]) -> bool:
    """Return whether no check has failed; warnings are allowed."""
    return all(result.result is not Result.FAILED for _, result in results)


def _wrapped(text: str, width: int, hanging: str) -> str:
    if not width:
        return text
    return textwrap.fill(
        text,
        max(width, len(hanging) + 20),
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
