"""How findings are told: lines for a person, JSON for a program."""

import textwrap
from collections import Counter
from collections.abc import Sequence

import click
import msgspec

from appliance.maintenance.doctor.result import CheckResult, Result

Named = tuple[str, CheckResult]
"""The name of what was checked, and how that ended."""

LOOKS = {
    Result.FINE: ("✓", "green"),
    Result.WARNING: ("!", "yellow"),
    Result.FAILED: ("✗", "red"),
    Result.NOT_TRIED: ("-", "bright_black"),
}
"""The mark that stands before the word, and the colour of both on a terminal."""

_RESULT_WIDTH = max(len(result.value) for result in Result) + 2
_NAME_WIDTH = 12


def line(name: str, finding: CheckResult, width: int = 0) -> str:
    """Return a finding as a line, and its remedy on one below it.

    Args:
        name: what was checked.
        finding: how that ended.
        width: columns to wrap at; 0 not to wrap.
    """
    mark, colour = LOOKS[finding.result]
    result = click.style(f"{mark} {finding.result.value}".ljust(_RESULT_WIDTH), fg=colour)
    indent = " " * (_RESULT_WIDTH + 2)
    hanging = indent + " " * (_NAME_WIDTH + 2)
    texts = [f"{name:<{_NAME_WIDTH}}  {finding.found}"]
    texts += [" " * (_NAME_WIDTH + 2) + f"-> {finding.remedy}"] if finding.remedy else []
    wrapped = [_wrapped(indent + text, width, hanging) for text in texts]
    return "\n".join([result + wrapped[0][_RESULT_WIDTH:], *wrapped[1:]])


def summary(findings: Sequence[Named]) -> str:
    """Return how many ended in which way."""
    counts = Counter(finding.result for _, finding in findings)
    return ", ".join(f"{counts[result]} {result.value}" for result in Result if counts[result])


def as_json(findings: Sequence[Named]) -> str:
    """Return all findings as one JSON object."""
    checks = [
        {
            "name": name,
            "result": finding.result.value,
            "found": finding.found,
            "remedy": finding.remedy,
        }
        for name, finding in findings
    ]
    report = {"ok": is_well(findings), "checks": checks}
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def is_well(findings: Sequence[Named]) -> bool:
    """Tell whether nothing has failed; warnings are allowed."""
    return all(finding.result is not Result.FAILED for _, finding in findings)


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
