"""Block devices with a file system, for as long as a test needs them."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.system.processes import CommandError, output
from tests.rig.programs import PATH, need

KINDS = ["vfat", "exfat", "ext4"]

SIZE = 8 * 1024 * 1024
"""Bytes."""


@contextlib.contextmanager
def medium(kind: str, image: Path) -> Iterator[Path]:
    """Make a device of an image file; skip the test where this machine can't have one.

    An image that is there already is taken as it is.
    """
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    need("losetup", "mount", f"mkfs.{kind}")
    if not kernel_knows(kind):
        pytest.skip(f"this kernel has no {kind}")
    is_new = not image.exists()
    if is_new:
        with image.open("wb") as file:
            file.truncate(SIZE)
        make = shutil.which(f"mkfs.{kind}", path=PATH) or ""
        subprocess.run([make, image], check=True, capture_output=True)
    try:
        device = output(["losetup", "--find", "--show", str(image)]).decode().strip()
    except CommandError as error:
        pytest.skip(f"no loop device: {error}")
    try:
        if is_new:
            skip_unless_mountable(device, image.with_name("probe"))
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
    """Return whether the kernel has a file system, as a module too where modules can be loaded."""
    modprobe = shutil.which("modprobe", path=PATH)
    if modprobe:
        subprocess.run([modprobe, "--quiet", kind], check=False)
    return kind in Path("/proc/filesystems").read_text().split()


def skip_unless_mountable(device: str, folder: Path) -> None:
    """Skip the test where nothing may be mounted: a container's root often may not."""
    folder.mkdir(exist_ok=True)
    try:
        with mounted(Path(device), folder):
            pass
    except CommandError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
