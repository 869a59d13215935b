"""Last known good settings, for a start at which the settings file is not valid."""

import logging
import os
from pathlib import Path

import msgspec

from appliance.settings.schema import Settings
from appliance.system.files import DISK, Disk, read, replace

log = logging.getLogger(__name__)

NAME = "last-good-settings.json"

MAX_SIZE = 1024 * 1024
"""Bytes; sixteen times the largest settings file that is taken from the boot partition."""


def folder() -> Path | None:
    """Return systemd's state directory, in which the copy is; None if there is none."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory) if directory else None


def save(settings: Settings, folder: Path | None, disk: Disk = DISK) -> None:
    """Save settings that loaded, unless they are saved already: SD cards wear out.

    A disk that refuses is only logged: the settings are in use all the same.
    """
    if folder is None:
        return
    path = folder / NAME
    data = msgspec.json.encode(settings)
    try:
        if not path.exists() or read(path, MAX_SIZE) != data:
            replace(path, data, mode=0o600, disk=disk)
    except OSError as error:
        log.warning("the settings can't be saved for the next start: %s", error)


def load(folder: Path | None) -> Settings | None:
    """Return the settings that were saved last; None if there are none, or they are not valid."""
    if folder is None:
        return None
    try:
        return msgspec.json.decode(read(folder / NAME, MAX_SIZE), type=Settings)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        log.warning("the last good settings can't be used: %s", error)
        return None
