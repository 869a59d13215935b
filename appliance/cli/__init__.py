"""Command line: the group of all commands.

Each command imports what it needs when it runs: `run` must not wait for the others' libraries.
"""

import logging
import os
from typing import Any

import click

from appliance import __version__
from appliance.cli import demo, device, history, local_service, token_server
from appliance.cli.standard_streams import checked_streams
from appliance.system import log_setup


class _Commands(click.Group):
    """Group whose commands, help and version report output that can't be written."""

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 - as click has it
        with checked_streams():
            return super().main(*args, **extra)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appliance")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """Press, speak, read: a box that writes down what is said."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False
    log_setup.set_up(logging.DEBUG if verbose else logging.INFO)


for command in (
    *(device.run, device.doctor, device.farewell, device.take_settings, device.write_report),
    demo.demo,
    history.history,
    local_service.local_service,
    token_server.token_server,
):
    main.add_command(command)
