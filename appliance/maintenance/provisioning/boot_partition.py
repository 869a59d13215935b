"""Take-over of the settings that somebody put on the boot partition, at the start of the box."""

import codecs
import grp
import logging
from pathlib import Path

import msgspec

from appliance.maintenance.paths import Box, named
from appliance.maintenance.provisioning.secrets_in_toml import (
    KEYS,
    UNUSABLE,
    Extraction,
    Secret,
    extract_secrets,
    without_unusable,
)
from appliance.system.files import DISK, Disk, read, reason, replace, temporary, wiped

log = logging.getLogger(__name__)

NAME = "appliance.toml"

NAMES = (f"{NAME}.txt", NAME)
"""Names of the file. An editor on a computer that hides the ends of names adds the first one.

The box renames the file to the second, so the first is the newer of the two.
"""

LARGEST = 64 * 1024
"""Bytes of a settings file; all settings with their comments take a tenth of that."""

REMEDY = "write it in quotes, on a line of its own"

GROUP = "appliance"
"""Group of the service, which reads the settings."""


class Found(msgspec.Struct, frozen=True):
    """Settings file on the boot partition: its path, its bytes, and what is in them."""

    path: Path
    raw: bytes
    extraction: Extraction

    @property
    def cleaned(self) -> bytes:
        """What stays on the partition: the same bytes without the secrets."""
        mark = codecs.BOM_UTF8 if self.raw.startswith(_MARKS) else b""
        return mark + _encoded(self.extraction.text)


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def take_settings(root: Path = Path("/"), disk: Disk = DISK) -> bool:
    """Take over what the boot partition holds; return whether all of it succeeded.

    Secrets become systemd credentials and disappear from the partition. The rest becomes the
    settings of the box, with its mistakes, unless it was taken over before: then a later edit on
    the box itself stays. After a power cut at any moment, the next start completes the work.
    """
    box = Box(root)
    try:
        found = _find(box)
    except OSError as error:
        log.error("the settings on the boot partition can't be read: %s", reason(error))
        return False
    if found is None:
        return True
    for line, secret in found.extraction.unusable.items():
        log.error("%s: line %d: %s can't be used: %s", found.path, line, KEYS[secret], REMEDY)
    try:
        _keep_secrets(found.extraction.secrets, box, disk)
    except OSError as error:
        log.error("the key on the boot partition can't be taken over: %s", reason(error))
        return False
    cleaned = _clean(found, disk)
    try:
        _take_over(found, box, disk)
    except OSError as error:
        log.error("the settings on the boot partition can't be taken over: %s", reason(error))
        return False
    return cleaned


def _find(box: Box) -> Found | None:
    for partition in box.partitions:
        path = named(partition, *NAMES)
        if path is not None:
            raw = read(path, LARGEST)
            return Found(path, raw, extract_secrets(_decoded(raw)))
    return None


def _keep_secrets(secrets: dict[Secret, str], box: Box, disk: Disk) -> None:
    """Write the secrets to where systemd takes credentials from; only root can read them."""
    for secret in Secret:  # a power cut may have left one
        disk.remove(temporary(box.credentials / secret.value))
    if not secrets:
        return
    box.credentials.mkdir(mode=0o700, parents=True, exist_ok=True)
    box.credentials.chmod(0o700)
    for secret, value in secrets.items():
        replace(box.credentials / secret.value, value.encode(), mode=0o600, disk=disk)
        log.info("took over %s from the boot partition", secret.value)


def _clean(found: Found, disk: Disk) -> bool:
    """Remove the secrets from the file on the partition, and give it its right name."""
    has_right_name = found.path.name.lower() == NAME
    proper = found.path if has_right_name else found.path.with_name(NAME)
    try:
        # What a power cut left never held a secret, but need not stay.
        disk.remove(temporary(proper))
        if found.cleaned == found.raw and has_right_name:
            return True
        with wiped(found.path, disk):
            replace(proper, found.cleaned, disk=disk)
            if not has_right_name:
                disk.remove(found.path)
                disk.sync_folder(found.path.parent)
    except OSError as error:
        still = "; the key is still on it" if found.extraction.secrets else ""
        log.error("the boot partition can't be written: %s%s", reason(error), still)
        return False
    return True


def _take_over(found: Found, box: Box, disk: Disk) -> None:
    if box.taken.exists() and box.settings.exists() and read(box.taken, LARGEST) == found.cleaned:
        return
    there = _decoded(read(box.settings, LARGEST)) if box.settings.exists() else ""
    settings = _combined(found.extraction, there)
    if settings != there:
        box.settings.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        group = _group()
        mode = 0o644 if group == -1 else 0o640
        replace(box.settings, _encoded(settings), mode=mode, group=group, disk=disk)
        log.info("took over the settings from the boot partition")
    box.taken.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(box.taken, found.cleaned, mode=0o600, disk=disk)


def _combined(brought: Extraction, there: str) -> str:
    """Return the settings from the card, or those of the box if the card brings only secrets.

    The appliance reports an unusable secret while it stands in the settings: it is put above those
    of the box, until another one is brought.
    """
    if not brought.is_secrets_only:
        return brought.text
    unusable = dict.fromkeys(KEYS[secret] for secret in brought.unusable.values())
    return "".join(f"{key} = {UNUSABLE}\n" for key in unusable) + without_unusable(there)


def _group() -> int:
    """Return the group of the service; -1 where there is none."""
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return -1


def _decoded(raw: bytes) -> str:
    """Return the text of a file from any editor; invalid UTF-8 is kept as it is."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
