"""Command of the doctor: runs all checks and prints the report."""

import os
import shutil
import sys
from pathlib import Path

import click

from appliance.maintenance.doctor import report
from appliance.maintenance.doctor.context import SETTINGS, Context, Machine
from appliance.maintenance.doctor.plan import plan
from appliance.maintenance.doctor.result import Result
from appliance.maintenance.doctor.runner import CheckRunner


def run(path: Path, *, as_json: bool = False, machine: Machine | None = None) -> int:
    """Run all checks, write the report to standard output, and return the exit status.

    On a terminal, a person is asked to press, to speak and to look.

    Args:
        path: the settings file.
        as_json: whether to write JSON, and to ask nobody.
        machine: devices and system, if they are not those of this machine.

    Returns:
        0 if nothing failed, 2 if the settings can't be used, 1 if anything else failed.
    """
    if machine is None:
        # As in the unit: gpiozero's fall-back to other libraries would hide what is wrong.
        os.environ.setdefault("GPIOZERO_PIN_FACTORY", "lgpio")
    attended = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    context = Context(path, machine or Machine(), prompt=click.echo if attended else None)
    results = []
    for name, result in CheckRunner(plan(context)).results():
        results.append((name, result))
        if not as_json:
            click.echo(report.line(name, result, width))
    click.echo(report.as_json(results) if as_json else f"\n{report.summary(results)}")
    if dict(results)[SETTINGS].result is Result.FAILED:
        return 2
    return 0 if report.is_well(results) else 1
