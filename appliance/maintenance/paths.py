"""Where things lie: on the boot partition, and what is made of them on the box."""

from pathlib import Path

import msgspec

BOOT_PARTITION = ("boot/firmware", "boot")
"""Where the boot partition is mounted; the second one up to Bullseye, and on other boards."""


class Box(msgspec.Struct, frozen=True):
    """The folders and files of a box, below its root."""

    root: Path = Path("/")

    @property
    def settings(self) -> Path:
        """The settings that `appliance run` reads."""
        return self.root / "etc/appliance/appliance.toml"

    @property
    def credentials(self) -> Path:
        """Where systemd looks for the credentials that a unit asks for by name alone."""
        return self.root / "etc/credstore"

    @property
    def taken(self) -> Path:
        """A copy of the file last taken over from the boot partition, as it was left there."""
        return self.root / "var/lib/appliance-card/taken.toml"

    @property
    def status(self) -> Path:
        """What the running appliance says of itself."""
        return self.root / "run/appliance/status.json"

    @property
    def partitions(self) -> list[Path]:
        """The folders that may be the boot partition, the likelier one first."""
        folders = (self.root / name for name in BOOT_PARTITION)
        return [folder for folder in folders if folder.is_dir()]


def named(folder: Path, *names: str) -> Path | None:
    """Return what has the first of these names in a folder, in capitals or small letters.

    Raises:
        OSError: the folder can't be read.
    """
    entries = {entry.name.lower(): entry for entry in sorted(folder.iterdir())}
    return next((entries[name] for name in names if name in entries), None)
