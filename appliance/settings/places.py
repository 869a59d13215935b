"""Addresses and files that settings name: those that no program could connect to or open."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from appliance.settings.commands import Webhook
from appliance.settings.schema import Settings
from appliance.system.files import open_regular

DATABASE_SUFFIXES = {".db", ".db3", ".sqlite", ".sqlite3"}
"""Suffixes of a path at which nothing else than a database is ever kept on purpose."""

OWN_NAMES = {"last-good-settings.json", "last-good-settings.toml", "status.json", "session.json"}
"""Names of other files that the program writes itself."""

DATABASE_HEAD = b"SQLite format 3\0"

KERNEL_FOLDERS = ("/dev", "/proc", "/sys")
"""Folders of which what looks like files is the kernel or a device."""

MEMORY = "/dev/shm"  # noqa: S108
"""The place below them that keeps files, until the power goes."""


def problems_of_places(settings: Settings) -> list[str]:
    """Return a sentence for each address without a valid host or port, and each file that is none.

    A file that is not there is no problem: it may come later.

    >>> from appliance.settings.schema import HistorySettings
    >>> problems_of_places(Settings(history=HistorySettings(path="/dev/null")))
    ['history.path = "/dev/null" is not allowed: it is no regular file']
    """
    addresses = (
        f"{name} = ... is not allowed: its host or port can't be used"
        for name, address in _addresses(settings)
        if not _can_be_connected_to(address)
    )
    files = (
        f'{name} = "{path}" is not allowed: {problem}'
        for name, path in _files(settings)
        if (problem := _problem_of_file(path, is_state=name == "history.path"))
    )
    return [*addresses, *files]


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    for key in ("url", "token_url", "fallback_url", "fallback_token_url"):
        yield f"service.{key}", getattr(settings.service, key)
    if host := settings.mqtt.host:
        yield "mqtt.host", f"//[{host}]" if ":" in host else f"//{host}"
    for number, command in enumerate(settings.commands, start=1):
        if isinstance(command, Webhook):
            yield f"commands[{number}].url", command.url


def _can_be_connected_to(address: str) -> bool:
    if not address:
        return True
    try:
        parts = urlsplit(address)
        # Python's look-up of a host's name fails with another error than that of a network.
        return bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except ValueError:
        return False


def _files(settings: Settings) -> Iterator[tuple[str, str]]:
    for key in ("token_secret_file", "api_key_file", "ca_file", "fallback_token_secret_file"):
        yield f"service.{key}", getattr(settings.service, key)
    yield "display.font", settings.display.font
    yield "history.path", settings.history.path
    yield "mqtt.password_file", settings.mqtt.password_file
    if isinstance(settings.mqtt.tls, str):
        yield "mqtt.tls", settings.mqtt.tls


def _problem_of_file(path: str, *, is_state: bool) -> str:
    """Return what is wrong with a path.

    Args:
        path: a path; empty for none.
        is_state: whether the program itself keeps this file.
    """
    if any(len(os.fsencode(part)) > 255 for part in Path(path).parts) or len(path) > 1000:
        return "it is too long"
    if not path:
        return ""
    real = Path(os.path.realpath(path))
    if is_state and real.name in OWN_NAMES:
        return "the program keeps something else there"
    return _problem_of_contents(real, is_state=is_state) or _problem_of_folder(real)


def _problem_of_folder(path: Path) -> str:
    for folder in KERNEL_FOLDERS:
        if path.is_relative_to(folder) and not path.is_relative_to(MEMORY):
            return f"it leads into {folder}, which keeps no files"
    return ""


def _problem_of_contents(path: Path, *, is_state: bool) -> str:
    """Return what is wrong with what lies at a path.

    In the place of a database, it is no mistake of the settings: it is set aside.
    """
    may_be_set_aside = is_state and path.suffix in DATABASE_SUFFIXES
    try:
        mode = path.stat().st_mode
    except OSError:  # it is not there, or can't be looked at now; whoever opens it reports that
        return ""
    is_device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
    if is_device or not (stat.S_ISREG(mode) or may_be_set_aside):
        return "it is no regular file"
    if is_state and not may_be_set_aside and _holds_something_else(path):
        return "it holds something else than a database"
    return ""


def _holds_something_else(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            head = file.read(len(DATABASE_HEAD))
    except OSError:
        return False
    return head not in (b"", DATABASE_HEAD)
