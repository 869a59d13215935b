"""Block devices with a file system, for as long as a test needs them."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.system.processes import CommandError, output

KINDS = ["vfat", "exfat", "ext4"]

SIZE = 8 * 1024 * 1024
"""Bytes."""


@contextlib.contextmanager
def medium(kind: str, image: Path) -> Iterator[Path]:
    """Make a device of an image file; skip the test where this machine can't have one.

    An image that is there already is taken as it is.
    """
    make = shutil.which(f"mkfs.{kind}", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if os.geteuid() != 0 or make is None or not kernel_knows(kind):
        pytest.skip(f"needs root, mkfs.{kind} and a kernel with {kind}")
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(SIZE)
        subprocess.run([make, image], check=True, capture_output=True)
    try:
        device = output(["losetup", "--find", "--show", str(image)]).decode().strip()
    except CommandError as error:
        pytest.skip(f"no loop device: {error}")
    try:
        yield Path(device)
    finally:
        output(["losetup", "--detach", device])


@contextlib.contextmanager
def mounted(device: Path, folder: Path) -> Iterator[Path]:
    """Mount a device on a folder."""
    output(["mount", str(device), str(folder)])
    try:
        yield folder
    finally:
        output(["umount", str(folder)])


def kernel_knows(kind: str) -> bool:
    subprocess.run(["modprobe", "--quiet", kind], check=False)
    return kind in Path("/proc/filesystems").read_text().split()
