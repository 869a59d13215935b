"""Writer of reports: where a file or folder named `appliance-report` asks for one."""

import contextlib
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from appliance.maintenance.paths import Box, named
from appliance.maintenance.support_report.contents import contents, made
from appliance.settings import Settings, SettingsError, load
from appliance.system.files import DISK, Disk, reason
from appliance.system.processes import Run, output

log = logging.getLogger(__name__)

REQUEST = "appliance-report"

REQUESTS = (REQUEST, f"{REQUEST}.txt")


def local_time() -> datetime:
    """Return the time of day in the box's time zone."""
    return datetime.now(UTC).astimezone()


def request_in(folder: Path) -> Path | None:
    """Return the file or folder that asks for a report; None if there is none.

    Raises:
        OSError: the folder can't be read.
    """
    request = named(folder, *REQUESTS)
    return None if request is None or request.is_symlink() else request


def write_report(
    target: Path,
    root: Path = Path("/"),
    *,
    run: Run = output,
    now: Callable[[], datetime] = local_time,
    disk: Disk = DISK,
) -> Path | None:
    """Write a report into a folder that asks for one; return the folder of the report.

    When all of it is on the medium, the request is renamed to `appliance-report-done`: a report is
    written once, and a person sees that it is complete.

    Args:
        target: the folder that may ask for a report.
        root: root of the file system that the report describes.
        run: runs the programs that are asked for facts.
        now: returns the local time, for the name of the report.
        disk: the system calls to use.

    Raises:
        OSError: the folder can't be read or written, or is full; nothing is left in it.
    """
    request = request_in(target)
    if request is None:
        return None
    box = Box(root)
    folder = _unused(target / f"{REQUEST}-{_name(box)}-{now():%Y-%m-%d-%H%M}")
    folder.mkdir(mode=0o755)
    # The open folder stays the same, whatever happens to its name.
    opened = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name, make in contents(box, run).items():
            _write(opened, name, made(make), disk)
        disk.sync(opened)
        disk.rename(request, _unused(request.with_stem(f"{REQUEST}-done")))
        disk.sync_folder(target)
    except OSError:
        _remove(folder, opened)
        raise
    finally:
        os.close(opened)
    return folder


def report_on_boot_partition(root: Path = Path("/"), run: Run = output, disk: Disk = DISK) -> bool:
    """Write a report if the boot partition asks for one; return whether nothing failed."""
    succeeded = [_report(partition, root, run, disk) for partition in Box(root).partitions]
    return all(succeeded)


def _report(partition: Path, root: Path, run: Run, disk: Disk) -> bool:
    try:
        folder = write_report(partition, root, run=run, disk=disk)
    except OSError as error:
        log.error("no report on %s: %s", partition, reason(error))
        return False
    if folder:
        log.info("wrote the report %s", folder)
    return True


def _write(folder: int, name: str, data: bytes, disk: Disk) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, mode=0o644, dir_fd=folder)
    try:
        disk.write(file, data)
        disk.sync(file)
    finally:
        os.close(file)


def _remove(folder: Path, opened: int) -> None:
    """Remove what was written: a full boot partition would stop updates of the system."""
    with contextlib.suppress(OSError):
        for name in os.listdir(opened):
            os.unlink(name, dir_fd=opened)
        folder.rmdir()


def _unused(path: Path) -> Path:
    """Return the path, with a number if the name exists."""
    number = 1
    unused = path
    while os.path.lexists(unused):
        number += 1
        unused = path.with_stem(f"{path.stem}-{number}")
    return unused


def _name(box: Box) -> str:
    try:
        return load(box.settings).name
    except SettingsError:
        return Settings().name
