"""Options and exits that commands share."""

import sys
from typing import NoReturn

import click

from appliance.settings import Settings, SettingsError, load
from appliance.settings.load import settings_path

CONFIG = click.option("--config", metavar="FILE", help="The settings file.")


def settings_of(config: str | None) -> Settings:
    """Return the settings, or end with status 2 and the mistakes in the file."""
    path = settings_path(config)
    try:
        if config:
            path.stat()
        return load(path)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"{path}: {problem}", err=True)
        sys.exit(2)
    except OSError as error:
        raise click.UsageError(f"there is no settings file {path}: {error.strerror}") from error


def fail(message: str) -> NoReturn:
    """Print a sentence on standard error and end with status 1."""
    click.echo(f"appliance: {message}", err=True)
    sys.exit(1)
