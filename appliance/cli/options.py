"""What the commands share: which settings file they mean, and how they fail."""

import sys
from typing import NoReturn

import click

from appliance.settings import Settings, SettingsError, load
from appliance.settings.load import settings_path

CONFIG = click.option("--config", metavar="FILE", help="The settings file.")


def settings_of(config: str | None) -> Settings:
    """Return the settings of the file that is meant, or end with status 2 and what is wrong."""
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
    """End with status 1 and a sentence."""
    click.echo(f"appliance: {message}", err=True)
    sys.exit(1)
