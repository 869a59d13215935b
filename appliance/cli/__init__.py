"""The commands; nothing else knows the command line.

Each command imports what it needs itself, so that `run` need not wait for what the others need.
"""

import logging

import click

from appliance import __version__, logs
from appliance.cli import box, demo, history, local_service, token_server


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appliance")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def main(verbose: bool) -> None:
    """Press, speak, read: a box that writes down what is said."""
    logs.set_up(logging.DEBUG if verbose else logging.INFO)


for command in (
    *(box.run, box.doctor, box.farewell, box.take_settings, box.write_report),
    demo.demo,
    history.history,
    local_service.local_service,
    token_server.token_server,
):
    main.add_command(command)
