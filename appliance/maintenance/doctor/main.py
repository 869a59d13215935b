"""The doctor's visit: all checks of this box, told as they end."""

import os
import shutil
import sys
from pathlib import Path

import click

from appliance.maintenance.doctor import report
from appliance.maintenance.doctor.plan import SETTINGS, Plan, Surroundings
from appliance.maintenance.doctor.result import Result
from appliance.maintenance.doctor.runner import CheckRunner


def run(path: Path, *, as_json: bool = False, around: Surroundings | None = None) -> int:
    """Check everything, write the report to standard output, and return the exit status.

    On a terminal a person is asked to press, to speak and to look.

    Args:
        path: the settings file.
        as_json: whether to write JSON, and to ask nobody.
        around: the box, if it is not this one.

    Returns:
        0 where nothing failed, 2 where the settings can't be used, 1 where anything else failed.
    """
    if around is None:
        # As in the unit: gpiozero's fall-back to other libraries would hide what is wrong.
        os.environ.setdefault("GPIOZERO_PIN_FACTORY", "lgpio")
    attended = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    plan = Plan(path, around or Surroundings(), tell=click.echo if attended else None)
    findings = []
    for name, finding in CheckRunner(plan.checks()).findings():
        findings.append((name, finding))
        if not as_json:
            click.echo(report.line(name, finding, width))
    click.echo(report.as_json(findings) if as_json else f"\n{report.summary(findings)}")
    if dict(findings)[SETTINGS].result is Result.FAILED:
        return 2
    return 0 if report.is_well(findings) else 1
