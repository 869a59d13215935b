"""Atomic, fsynced file replacement, bounded reading, and wiping of what a file held."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_UNFOLLOWED = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


MAX_NAME = 255
"""Bytes of a file's name."""

MAX_SET_ASIDE = 100
"""Files of one name that are kept beside each other."""


class Disk:
    """System calls that change the disk; tests put a disk in its place that loses power."""

    def create(self, path: Path, mode: int) -> int:
        """Create a file for writing; fail if the name exists, as a file or as a link."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _UNFOLLOWED, mode)

    def open(self, path: Path) -> int:
        """Open an existing file for writing."""
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
        """Rename a file, and replace the one that has the new name."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file, if there is one."""
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
    """Return the name under which `replace` writes a file before it renames it."""
    return path.with_name(f"{path.name}.new")


def successors(path: Path, count: int) -> list[Path]:
    """Return the paths beside one that can't be used where its contents go on, in their order.

    >>> [it.name for it in successors(Path("history.db"), 2)]
    ['history.continued-1.db', 'history.continued-2.db']
    """
    names = (f"{path.stem}.continued-{number}{path.suffix}" for number in range(1, count + 1))
    return [path.with_name(name) for name in names]


def replace(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o644,
    owner: int = -1,
    group: int = -1,
    disk: Disk = DISK,
) -> None:
    """Replace or create a file; after a power cut, the old or the new file is there, whole.

        replace(Path("/var/lib/appliance/state.json"), b"{}", mode=0o600)

    Args:
        path: the file. Where it is a link, the link is replaced.
        data: all that the file holds afterwards.
        mode: its permissions, less the umask if neither `owner` nor `group` is given.
        owner: user id of the owner; -1 for this process's user.
        group: group id; -1 for this process's group.
        disk: the system calls to use.

    Raises:
        OSError: the disk refused; the old file is as it was.
    """
    new = temporary(path)
    disk.remove(new)
    file = disk.create(new, mode)
    try:
        if (owner, group) != (-1, -1):
            os.fchown(file, owner, group)
            os.fchmod(file, mode)  # whatever the umask says
        disk.write(file, data)
        disk.sync(file)
        disk.rename(new, path)
        # On FAT, the folder's new entry is written together with the file it names.
        disk.sync(file)
        disk.sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(new)
        raise
    finally:
        os.close(file)


def _with_suffix(path: Path, suffix: str) -> str:
    """Return a name with a suffix, cut so far that a file can have it."""
    room = MAX_NAME - len(os.fsencode(suffix)) - 1
    return f"{os.fsdecode(os.fsencode(path.name)[:room])}.{suffix}"


@contextlib.contextmanager
def wiped(path: Path, disk: Disk = DISK) -> Iterator[None]:
    """Overwrite what a file held, after a `with` block that replaced or removed it.

    Otherwise it stays readable in the medium's free space. Copies that a flash card keeps for
    itself can't be reached.

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


def set_aside(path: Path, why: str) -> Path | None:
    """Rename what can't be used, so that its name says so; return its new path.

    Returns None if even that fails.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "a.json").touch()
    ...     set_aside(Path(folder, "a.json"), "unreadable").name
    'a.json.unreadable'
    """
    for number in range(1, MAX_SET_ASIDE):
        aside = path.with_name(_with_suffix(path, why + (f"-{number}" if number > 1 else "")))
        try:
            os.lstat(aside)
        except FileNotFoundError:
            break
        except OSError:
            continue
    else:
        return None
    try:
        path.rename(aside)
    except OSError:
        return None
    return aside


def replace_anything(
    path: Path, data: bytes, *, mode: int = 0o644, disk: Disk = DISK
) -> list[tuple[Path, Path]]:
    """Replace a file as `replace` does; what is no file in its place is set aside first.

    Returns the old and the new path of each thing that was set aside.

    Raises:
        OSError: the disk refused.
    """
    try:
        replace(path, data, mode=mode, disk=disk)
    except OSError:
        renamed = _set_aside_irregular(path)
        if not renamed:
            raise
        replace(path, data, mode=mode, disk=disk)
        return renamed
    return []


def _set_aside_irregular(path: Path) -> list[tuple[Path, Path]]:
    renamed = []
    for it in (temporary(path), path):
        try:
            if stat.S_ISREG(os.lstat(it).st_mode):
                continue
        except FileNotFoundError:
            continue
        except OSError:
            pass  # a damaged inode
        if aside := set_aside(it, "unreadable"):
            renamed.append((it, aside))
    return renamed


def sync(path: Path) -> None:
    """Wait until a file that another program wrote is on the medium, as far as that is possible."""
    with contextlib.suppress(OSError), open_regular(path, follow=True) as file:
        os.fsync(file.fileno())


def give_to_owner_of_folder(path: Path) -> None:
    """Let a file that root made belong to the owner of its folder, who is to write to it."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def reason(error: OSError) -> str:
    """Return what went wrong, for a sentence that names the file itself."""
    return error.strerror or str(error)


def open_regular(path: Path, *, follow: bool = False) -> BinaryIO:
    """Open a regular file for reading; a pipe or a device could keep the reader for ever.

    Args:
        path: the file.
        follow: whether it may be a symbolic link.

    Raises:
        OSError: it can't be read, or is no regular file.
    """
    # Looked at first: to open a device may already have an effect.
    _refuse_irregular(path, path.stat(follow_symlinks=follow).st_mode)
    file = os.open(path, os.O_RDONLY | (_UNFOLLOWED & ~os.O_NOFOLLOW if follow else _UNFOLLOWED))
    with contextlib.ExitStack() as unless_regular:
        unless_regular.callback(os.close, file)
        _refuse_irregular(path, os.fstat(file).st_mode)
        unless_regular.pop_all()
    return open(file, "rb")  # noqa: PTH123 - Path.open follows links


def _refuse_irregular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):  # a link fails when it is opened
        raise OSError(errno.EINVAL, f"it is a {_kind(mode)}, no regular file", str(path))


def _kind(mode: int) -> str:
    """Return what lies at a path that is neither a file, a folder nor a link."""
    kinds = {stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


def read(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """Return what a file holds.

    Args:
        path: the file.
        limit: the most bytes that it may hold.
        follow: whether it may be a symbolic link.

    Raises:
        OSError: it can't be read, is no regular file, or holds more than `limit` bytes.
    """
    with open_regular(path, follow=follow) as opened:
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"{path} is larger than {limit // 1024} KiB")
    return data
