"""Settings put on the boot partition from another computer, taken over when the box starts."""

import codecs
import grp
import logging
import re
from pathlib import Path

import msgspec

from appliance.maintenance.paths import Box, named
from appliance.maintenance.provisioning.secrets_in_toml import UNUSABLE, Secret, Sifted, sift
from appliance.system.files import DISK, Disk, read, reason, replace, temporary, wiped

log = logging.getLogger(__name__)

NAME = "appliance.toml"

NAMES = (f"{NAME}.txt", NAME)
"""The first is what an editor makes of the second that hides the ends of names.

As it is called `appliance.toml` once it was taken over, it is the newer of the two.
"""

LARGEST = 64 * 1024
"""Bytes; all settings with their comments are a tenth of that."""

GROUP = "appliance"


class Found(msgspec.Struct, frozen=True):
    """A settings file on the boot partition, its bytes, and what is in them."""

    path: Path
    raw: bytes
    sifted: Sifted

    @property
    def left(self) -> bytes:
        """What stays on the partition: the same bytes but for the secrets."""
        mark = codecs.BOM_UTF8 if self.raw.startswith(_MARKS) else b""
        return mark + _encoded(self.sifted.text)


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def take_settings(root: Path = Path("/"), disk: Disk = DISK) -> bool:
    """Take over what the boot partition holds; tell whether nothing was left undone.

    Secrets become systemd's credentials and leave the partition. The rest becomes the settings of
    the box, mistakes and all, unless it is what was taken over last time: then a later edit on the
    box itself stays. Whenever the power is cut, the next start brings it to its end.
    """
    box = Box(root)
    try:
        found = _find(box)
    except OSError as error:
        log.error("the settings on the boot partition can't be read: %s", reason(error))
        return False
    if found is None:
        return True
    for line in found.sifted.mistakes:
        log.error("%s: line %d: no usable key: write it in quotes", found.path, line)
    try:
        _keep_secrets(found.sifted, box, disk)
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
            return Found(path, raw, sift(_decoded(raw)))
    return None


def _keep_secrets(sifted: Sifted, box: Box, disk: Disk) -> None:
    """Put the secrets where systemd hands them to the service, readable by root alone."""
    for secret in Secret:  # a cut may have left one over
        disk.remove(temporary(box.credentials / secret.value))
    if not sifted.secrets:
        return
    box.credentials.mkdir(mode=0o700, parents=True, exist_ok=True)
    box.credentials.chmod(0o700)
    for secret, value in sifted.secrets.items():
        replace(box.credentials / secret.value, value.encode(), mode=0o600, disk=disk)
        log.info("took over %s from the boot partition", secret.value)


def _clean(found: Found, disk: Disk) -> bool:
    """Leave the file on the partition without its secrets and under its right name."""
    has_right_name = found.path.name.lower() == NAME
    proper = found.path if has_right_name else found.path.with_name(NAME)
    try:
        # What a cut left over never held a secret, but need not stay either.
        disk.remove(temporary(proper))
        if found.left == found.raw and has_right_name:
            return True
        with wiped(found.path, disk):
            replace(proper, found.left, disk=disk)
            if not has_right_name:
                disk.remove(found.path)
                disk.sync_folder(found.path.parent)
    except OSError as error:
        left = "; the key is still on it" if found.sifted.secrets else ""
        log.error("the boot partition can't be written: %s%s", reason(error), left)
        return False
    return True


def _take_over(found: Found, box: Box, disk: Disk) -> None:
    if box.taken.exists() and box.settings.exists() and read(box.taken, LARGEST) == found.left:
        return
    there = _decoded(read(box.settings, LARGEST)) if box.settings.exists() else ""
    settings = _combined(found.sifted.text, there)
    if settings != there:
        box.settings.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        group = _group()
        mode = 0o644 if group == -1 else 0o640
        replace(box.settings, _encoded(settings), mode=mode, group=group, disk=disk)
        log.info("took over the settings from the boot partition")
    box.taken.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(box.taken, found.left, mode=0o600, disk=disk)


def _combined(brought: str, there: str) -> str:
    """Return the settings from the card; those of the box, where the card brings just a key.

    A key that can't be used is told by the appliance for as long as it stands in the settings:
    above those of the box, until another key is brought.
    """
    if not all(_NOTHING.fullmatch(line) for line in _lines(_MISTAKE.sub("", brought))):
        return brought
    names = dict.fromkeys(found["name"] for found in _MISTAKE.finditer(brought))
    return "".join(f"{name} = {UNUSABLE}\n" for name in names) + _MISTAKE.sub("", there)


_MISTAKE = re.compile(
    rf"""^ (?: [^\r\n=\#\w-]*+ (?P<name> [\w-]++ ) )++ ["']? [ \t]*+ = [ ]
           {re.escape(UNUSABLE)} \r?\n?""",
    re.MULTILINE | re.VERBOSE,
)
"""What sifting leaves of a key that can't be used."""

_NOTHING = re.compile(
    r"""[\s\0\x1a\u200b\ufeff]* (?: \[ [^\[\]]* \] | \[\[ [^\[\]]* \]\] )?
        [\s\0\x1a\u200b\ufeff]* (?: \#.* )?""",
    re.VERBOSE | re.DOTALL,
)
"""A line that sets nothing: a section's title, a comment, and what some editors leave unseen."""


def _lines(text: str) -> list[str]:
    return re.split(r"[\r\n]", text)


def _group() -> int:
    """Return the group of the service; -1 where there is none."""
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return -1


def _decoded(raw: bytes) -> str:
    """Return the text of a file from any editor; what is no UTF-8 is kept as it is."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
