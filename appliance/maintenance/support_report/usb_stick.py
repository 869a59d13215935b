"""USB stick that asks for a report."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from appliance.maintenance.support_report.write import request_in, write_report
from appliance.system.files import reason
from appliance.system.mounts import is_mounted
from appliance.system.processes import CommandError, Run, output

log = logging.getLogger(__name__)

FILE_SYSTEMS = "vfat,exfat,ext4"

SAFE = "nosuid,nodev,noexec"
"""Mount options: nothing on a stick becomes a program or a device."""


def report_on_stick(
    device: Path, mount_point: Path, root: Path = Path("/"), run: Run = output
) -> bool:
    """Write a report on a stick if it asks for one; return whether nothing failed.

    Other sticks are only read, and one that is in use already is left alone. When this returns,
    the stick may be pulled out.
    """
    try:
        if is_mounted(device, root / "proc"):  # a box may start from a USB disk
            log.info("%s is in use already: no report", device)
            return True
        with _mounted(device, mount_point, run):
            if request_in(mount_point) is None:
                return True
            run(["mount", "--options", f"remount,rw,{SAFE}", str(mount_point)])
            folder = write_report(mount_point, root, run=run)
    except CommandError as error:
        log.error("no report on %s: %s", device, error)
        return False
    except OSError as error:
        log.error("no report on %s: %s", device, reason(error))
        return False
    if folder:
        log.info("wrote %s on %s, which may be pulled out", folder.name, device)
    return True


@contextlib.contextmanager
def _mounted(device: Path, mount_point: Path, run: Run) -> Iterator[None]:
    """Mount a stick read-only for a `with` block; unmounting waits until all is written."""
    options = ["--types", FILE_SYSTEMS, "--options", f"ro,{SAFE}"]
    run(["mount", *options, str(device), str(mount_point)])
    try:
        yield
    finally:
        run(["umount", str(mount_point)])
