"""The last good settings, kept for a restart: with them a box goes on whose file was spoilt."""

import logging
import os
from pathlib import Path

import msgspec

from appliance.settings.schema import Settings
from appliance.system.files import DISK, Disk, read, replace

log = logging.getLogger(__name__)

NAME = "last-good-settings.json"

LARGEST = 1024 * 1024
"""Bytes; a settings file from the boot partition has a sixteenth of that at most."""


def kept_in() -> Path | None:
    """Return the folder for the appliance's state; None where systemd named none."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory) if directory else None


def keep(settings: Settings, folder: Path | None, disk: Disk = DISK) -> None:
    """Keep settings that were found good; written only if they are new, since cards wear out.

    A disk that refuses is told in the log alone: the settings are in use all the same.
    """
    if folder is None:
        return
    path = folder / NAME
    data = msgspec.json.encode(settings)
    try:
        if not path.exists() or read(path, LARGEST) != data:
            replace(path, data, mode=0o600, disk=disk)
    except OSError as error:
        log.warning("the settings can't be kept for the next start: %s", error)


def settings(folder: Path | None) -> Settings | None:
    """Return the settings kept last; None where there are none, or none that still are good."""
    if folder is None or not (folder / NAME).exists():
        return None
    try:
        return msgspec.json.decode(read(folder / NAME, LARGEST), type=Settings)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("the last good settings can't be used: %s", error)
        return None
