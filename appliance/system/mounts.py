"""Mounts of this machine, as Linux lists them in proc(5)."""

import os
import re
from pathlib import Path
from typing import NamedTuple

MEMORY = {"tmpfs", "ramfs"}


class Mount(NamedTuple):
    """One mount; `upper` is where an overlay's changes lie, `device` is "MAJOR:MINOR"."""

    device: str
    point: Path
    type: str
    upper: Path | None = None


def is_in_memory(folder: Path, proc: Path = Path("/proc")) -> bool:
    """Return whether what is written into a folder lies in memory, and is gone at power-off.

    So it is on a tmpfs, and on an overlay whose changes go to one. Where the initial RAM disk made
    the overlay, its tmpfs may be out of sight; then the kernel's command line says it.

    Raises:
        OSError: the mounts can't be read.
    """
    mounts = _mounts(proc)
    mount = _mount_of(folder.resolve(), mounts)
    if mount is None or mount.type != "overlay":
        return mount is not None and mount.type in MEMORY
    below = _mount_of(mount.upper, mounts) if mount.upper else None
    if below is not None and below != mount:
        return below.type in MEMORY
    words = (proc / "cmdline").read_text(encoding="utf-8", errors="replace").split()
    return mount.point == Path("/") and any(
        word == "boot=overlay" or word.startswith("overlayroot=tmpfs") for word in words
    )


def is_mounted(device: Path, proc: Path = Path("/proc")) -> bool:
    """Return whether a device, such as a partition of a disk, is mounted.

    Raises:
        OSError: there is no such device, or the mounts can't be read.
    """
    number = device.stat().st_rdev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    return any(mount.device == wanted for mount in _mounts(proc))


def _mounts(proc: Path) -> list[Mount]:
    lines = (proc / "self" / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    return [_parsed(line) for line in lines.splitlines()]


def _parsed(line: str) -> Mount:
    first, _, last = line.partition(" - ")
    kind, _, options = last.split(" ", 2)
    upper = re.search(r"(?:^|,)upperdir=([^,]*)", options)
    _, _, device, _, point, *_ = first.split()
    return Mount(device, _path(point), kind, _path(upper[1]) if upper else None)


def _path(text: str) -> Path:
    r"""Return a path in which spaces and the like are written in octal, as \040."""
    return Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text))


def _mount_of(path: Path, mounts: list[Mount]) -> Mount | None:
    """Return the mount that a path is on: of those at the same point, the last hides the others."""
    above = [mount for mount in mounts if path.is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point.parts), default=None)
