"""What runs on the box: the appliance itself, its doctor, and what systemd runs beside it."""
# ruff: noqa: PLC0415

import faulthandler
import logging
import sys
from pathlib import Path

import click

from appliance import environment, logs
from appliance.cli.settings import CONFIG
from appliance.config import settings_path


@click.command()
@CONFIG
def run(config: str | None) -> None:
    """Be the appliance, in the foreground, until SIGTERM or SIGINT."""
    from appliance import running

    environment.prepare()
    faulthandler.enable()
    if not running.run(settings_path(config)):
        sys.exit(1)


@click.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON, and ask nobody.")
@click.pass_context
def doctor(context: click.Context, config: str | None, as_json: bool) -> None:
    """Check everything that must work, and say what to do where it does not."""
    from appliance.doctor.command import run as examine

    environment.prepare()
    if not context.find_root().params["verbose"]:
        logs.set_up(logging.ERROR)
    path = settings_path(config)
    if config and not path.exists():
        raise click.UsageError(f"there is no settings file {path}")
    sys.exit(examine(path, as_json=as_json))


@click.command(hidden=True)
@CONFIG
def farewell(config: str | None) -> None:
    """Leave "Safe to unplug" on the OLED: the last thing that runs before the power goes."""
    from appliance import running
    from appliance.screen.farewell import farewell as bid

    settings, _ = running.read(settings_path(config), running.fallback())
    bid(settings.display)


@click.command("take-settings", hidden=True)
def take_settings() -> None:
    """Take over the settings that were put on the boot partition."""
    from appliance.card import taking

    sys.exit(not taking.take_settings())


@click.command("write-report", hidden=True)
@click.option("--stick", metavar="DEVICE", type=click.Path(path_type=Path))
@click.option("--mount-point", metavar="FOLDER", type=click.Path(path_type=Path))
def write_report(stick: Path | None, mount_point: Path | None) -> None:
    """Write a report where the boot partition, or a USB stick, asks for one."""
    from appliance.card import reporting
    from appliance.card import stick as sticks

    if stick and mount_point:
        sys.exit(not sticks.report_on_stick(stick, mount_point))
    if stick or mount_point:
        raise click.UsageError("--stick and --mount-point belong together")
    sys.exit(not reporting.report_on_boot_partition())
