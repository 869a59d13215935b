"""Paths on the box and on its boot partition."""

from pathlib import Path

import msgspec

BOOT_PARTITION = ("boot/firmware", "boot")
"""Mount points of the boot partition; the second one up to Bullseye, and on other boards."""


class Box(msgspec.Struct, frozen=True):
    """Folders and files of a box, below its root."""

    root: Path = Path("/")

    @property
    def settings(self) -> Path:
        """Settings that `appliance run` reads."""
        return self.root / "etc/appliance/appliance.toml"

    @property
    def credentials(self) -> Path:
        """Folder where systemd looks for the credentials that a unit names."""
        return self.root / "etc/credstore"

    @property
    def taken(self) -> Path:
        """Copy of the file last taken over from the boot partition, as it was left there."""
        return self.root / "var/lib/appliance-card/taken.toml"

    @property
    def status(self) -> Path:
        """Status of the running appliance."""
        return self.root / "run/appliance/status.json"

    @property
    def partitions(self) -> list[Path]:
        """Folders that may be the boot partition, the likelier one first."""
        folders = (self.root / name for name in BOOT_PARTITION)
        return [folder for folder in folders if folder.is_dir()]


def named(folder: Path, *names: str) -> Path | None:
    """Return the entry of a folder with the first of these names, in any case.

    Raises:
        OSError: the folder can't be read.
    """
    entries = {entry.name.lower(): entry for entry in sorted(folder.iterdir())}
    return next((entries[name] for name in names if name in entries), None)
