"""Last known good settings, for a start at which the settings file is not valid."""

import logging
import os
from pathlib import Path

import msgspec

from appliance.settings.schema import Settings
from appliance.system.files import DISK, Disk, read, reason, replace, set_aside

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
        if _contents(path) != data:
            replace(path, data, mode=0o600, disk=disk)
    except OSError as error:
        log.warning("the settings can't be saved for the next start: %s", error)


def load(folder: Path | None) -> Settings | None:
    """Return the settings that were saved last; None if there are none, or they are not valid."""
    if folder is None:
        return None
    try:
        data = _contents(folder / NAME)
        return None if data is None else msgspec.json.decode(data, type=Settings)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        log.warning("the last good settings can't be used: %s", error)
        return None


def _contents(path: Path) -> bytes | None:
    """Return what the file holds; None if there is none. One that can't be read is set aside."""
    try:
        return read(path, MAX_SIZE)
    except FileNotFoundError:
        return None
    except OSError as error:
        aside = set_aside(path, "unreadable")
        kept = f"it is kept as {aside.name}" if aside else "it can't be renamed"
        log.warning("the last good settings can't be read: %s; %s", reason(error), kept)
        return None
