"""Commands on the box: `run`, `doctor`, and the hidden ones that systemd runs."""
# ruff: noqa: PLC0415

import faulthandler
import logging
import sys
from pathlib import Path

import click

from appliance.cli.options import CONFIG
from appliance.settings.load import settings_path
from appliance.system import environment, log_setup


@click.command()
@CONFIG
def run(config: str | None) -> None:
    """Run the appliance in the foreground, until SIGTERM, SIGINT or SIGHUP."""
    from appliance.app import run as running

    environment.prepare()
    faulthandler.enable()
    if not running.run(settings_path(config)):
        sys.exit(1)


@click.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and ask nobody.")
@click.pass_context
def doctor(context: click.Context, config: str | None, as_json: bool) -> None:
    """Check everything that must work, and say what to do if it does not."""
    from appliance.maintenance.doctor.main import run as run_doctor

    environment.prepare()
    if not context.find_root().params["verbose"]:
        log_setup.set_up(logging.ERROR)
    path = settings_path(config)
    if config and not path.exists():
        raise click.UsageError(f"there is no settings file {path}")
    sys.exit(run_doctor(path, as_json=as_json))


@click.command(hidden=True)
@CONFIG
def farewell(config: str | None) -> None:
    """Leave "Safe to unplug" on the OLED, as the last program before the power goes."""
    from appliance.app import run as running
    from appliance.screen.shutdown_screen import show_shutdown_screen
    from appliance.settings import last_good

    last = last_good.load(last_good.folder())
    used, _ = running.read_settings(settings_path(config), last)
    show_shutdown_screen(used.settings.display)


@click.command("take-settings", hidden=True)
def take_settings() -> None:
    """Take over the settings that somebody put on the boot partition."""
    from appliance.maintenance.provisioning import boot_partition

    sys.exit(not boot_partition.take_settings())


@click.command("write-report", hidden=True)
@click.option("--stick", metavar="DEVICE", type=click.Path(path_type=Path))
@click.option("--mount-point", metavar="FOLDER", type=click.Path(path_type=Path))
def write_report(stick: Path | None, mount_point: Path | None) -> None:
    """Write a report if the boot partition, or a USB stick, asks for one."""
    from appliance.maintenance.support_report import usb_stick as sticks
    from appliance.maintenance.support_report import write

    if stick and mount_point:
        sys.exit(not sticks.report_on_stick(stick, mount_point))
    if stick or mount_point:
        raise click.UsageError("--stick and --mount-point belong together")
    sys.exit(not write.report_on_boot_partition())
