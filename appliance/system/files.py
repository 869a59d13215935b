"""Files that are whole after a power cut, on FAT too."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_UNFOLLOWED = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Disk:
    """The calls that change the disk, so few that a test can cut the power between any two."""

    def create(self, path: Path, mode: int) -> int:
        """Open a new file for writing; what its name may stand for already is not touched."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _UNFOLLOWED, mode)

    def open(self, path: Path) -> int:
        """Open a file that is there for writing."""
        return os.open(path, os.O_WRONLY | _UNFOLLOWED)

    def write(self, file: int, data: bytes) -> None:
        """Write all of the data at the start of an open file."""
        written = 0
        while written < len(data):
            written += os.pwrite(file, data[written:], written)

    def sync(self, file: int) -> None:
        """Wait until an open file is on the medium."""
        os.fsync(file)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name; a file that has it already goes."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the medium."""
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


DISK = Disk()


def temporary(path: Path) -> Path:
    """Return the name under which a file is written before it takes the place of the old one."""
    return path.with_name(f"{path.name}.new")


def replace(
    path: Path, data: bytes, *, mode: int = 0o644, group: int | None = None, disk: Disk = DISK
) -> None:
    """Write a file so that, whenever the power is cut, the old or the new one is there, whole.

    Raises:
        OSError: the disk refused; the old file is as it was.
    """
    new = temporary(path)
    disk.remove(new)
    file = disk.create(new, mode)
    try:
        if group is not None:
            os.fchown(file, -1, group)
            os.fchmod(file, mode)  # whatever the umask says
        disk.write(file, data)
        disk.sync(file)
        disk.rename(new, path)
        # On FAT the new entry in the folder is written along with the file that it stands for.
        disk.sync(file)
        disk.sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(new)
        raise
    finally:
        os.close(file)


@contextlib.contextmanager
def wiped(path: Path, disk: Disk = DISK) -> Iterator[None]:
    """Overwrite, after a `with` block that replaced or removed a file, what it had held.

    Else that would lie in the free space, for whoever looks there. What the card itself keeps of it
    is beyond reach.

    Raises:
        OSError: the file can't be written, or the disk refused.
    """
    file = disk.open(path)
    try:
        yield
        disk.write(file, bytes(os.fstat(file).st_size))
        disk.sync(file)
    finally:
        os.close(file)


def reason(error: OSError) -> str:
    """Return what went wrong, for a sentence that names the file itself."""
    return error.strerror or str(error)


def read(path: Path, limit: int) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: it can't be read, is a link or no file, or holds more than `limit` bytes.
    """
    file = os.open(path, os.O_RDONLY | _UNFOLLOWED)
    with open(file, "rb") as opened:  # noqa: PTH123 - a path can't say what not to follow
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{path} is no file")
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"{path} is larger than {limit // 1024} KiB")
    return data
