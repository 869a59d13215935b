"""Last good settings, for a start at which the settings file is not valid, or is cut off."""

import codecs
import logging
import os
from pathlib import Path

import msgspec

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.settings.load import SettingsError, contents, parse
from appliance.settings.schema import Settings
from appliance.system.files import DISK, Disk, read, reason, replace_anything, set_aside

log = logging.getLogger(__name__)

NAME = "last-good-settings.json"

TEXT_NAME = "last-good-settings.toml"
"""The settings file as it was: whoever lost the file finds it here."""

MAX_SIZE = 1024 * 1024
"""Bytes; sixteen times the largest settings file that is taken from the boot partition."""


def folder() -> Path | None:
    """Return systemd's state directory, in which the copy is; None if there is none."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory) if directory else None


class GoodSettings(msgspec.Struct, frozen=True):
    """Settings that are good, and the text of their file; None where that is not known."""

    settings: Settings
    text: bytes | None = None


def load_whole(path: Path, good: GoodSettings | None, *, were_saved: bool = False) -> GoodSettings:
    """Load a settings file, unless it has lost what the `good` one held.

    A power cut may leave an empty file, or the beginning of it, of what was written without a sync.
    Such a file is valid, and its defaults could be what the owner has decided against.

    Args:
        path: the settings file.
        good: the last good settings, as far as they are known.
        were_saved: whether there were any, so that a missing file was lost.

    Raises:
        SettingsError: the file can't be used, or is missing, empty or cut off.
    """
    try:
        text = contents(path)
    except FileNotFoundError:
        found = GoodSettings(Settings())
        lost = "is missing" if good or were_saved else ""
    except OSError as error:
        raise SettingsError(path, [f"can't be read: {reason(error)}"]) from error
    else:
        found, lost = GoodSettings(parse(text, path), text), _lost(text, good)
    if not lost or (good and found.settings == good.settings):
        return found
    raise SettingsError(path, [f"{lost}: write it again, or a comment (#) if it is meant so"])


def _lost(text: bytes, good: GoodSettings | None) -> str:
    """Return what happened to a file that is empty, or only the beginning of the good one."""
    if not text.removeprefix(codecs.BOM_UTF8).strip():
        return "is empty"
    if good and good.text and good.text.startswith(text):
        return f"is cut off after line {len(text.splitlines())}"
    return ""


def save(good: GoodSettings, folder: Path | None, disk: Disk = DISK) -> None:
    """Save settings that have served, unless they are saved already: SD cards wear out.

    A disk that refuses is only logged: the settings are in use all the same.
    """
    if folder is None:
        return
    files = {NAME: msgspec.json.encode(good.settings)}
    if good.text is not None:
        files[TEXT_NAME] = good.text
    try:
        for name, data in files.items():
            path = folder / name
            if _is_to_be_written(path, data):
                for old, aside in replace_anything(path, data, mode=0o600, disk=disk):
                    log.info("%s is kept as %s", old, aside.name)
    except OSError as error:
        log.warning("the settings can't be saved for the next start: %s", error)


def load(folder: Path | None) -> GoodSettings | None:
    """Return the settings that were saved last; None if there are none, or they are not valid.

    What can't be used stays until there are other settings to save.
    """
    if folder is None:
        return None
    problems: list[str] = []
    data, text = (_contents(folder / name, problems) for name in (NAME, TEXT_NAME))
    good = None
    if data is not None:
        try:
            good = GoodSettings(JsonDecoder(Settings).decode(data), text)
        except InvalidJsonError as error:
            problems.append(f"{NAME}: {error}")
    if problems:
        log.warning("the last good settings can't be used: %s", "; ".join(problems))
    return good


def were_saved(folder: Path | None) -> bool:
    """Return whether settings were saved once, be it that they can't be read any more."""
    return folder is not None and any(map(os.path.lexists, (folder / NAME, folder / TEXT_NAME)))


def _contents(path: Path, problems: list[str]) -> bytes | None:
    """Return what a file holds; None if there is none, or it can't be read, which is a problem."""
    try:
        return read(path, MAX_SIZE)
    except FileNotFoundError:
        return None
    except OSError as error:
        problems.append(f"{path.name} can't be read: {reason(error)}")
        return None


def _is_to_be_written(path: Path, data: bytes) -> bool:
    """Return whether a file lacks the data; what can't be read is set aside.

    What can't be renamed either stays. It was reported when the settings were loaded.
    """
    try:
        return read(path, MAX_SIZE) != data
    except FileNotFoundError:
        return True
    except OSError:
        if aside := set_aside(path, "unreadable"):
            log.info("%s is kept as %s", path, aside.name)
        return aside is not None
