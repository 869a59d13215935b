from pathlib import Path

import pytest

from appliance.system.mounts import is_in_memory

CARD = "21 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw"
TMP = "22 21 0:30 / /tmp rw,nosuid shared:2 - tmpfs tmpfs rw,size=200000k"
OVERLAY = (
    "21 1 0:25 / / rw,relatime - overlay overlayroot rw,lowerdir=/media/root-ro,"
    "upperdir=/media/root-rw/overlay,workdir=/media/root-rw/overlay-workdir"
)
UPPER = "23 21 0:24 / /media/root-rw rw,relatime - tmpfs tmpfs-root rw"
UPPER_DISK = "23 21 8:1 / /media/root-rw rw,relatime - ext4 /dev/sda1 rw"
CONTAINER = "21 1 0:25 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/docker/diff,workdir=/w"
OLD = "21 1 0:25 / / rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data,workdir=/upper/w"
STATE = "24 21 8:1 / /var/lib/appliance rw,noatime - ext4 /dev/sda1 rw"
SPACED = "24 21 0:9 / /var/lib/appliance\\040two rw - tmpfs tmpfs rw"
RECURSED = (
    "24 21 0:26 / /var/lib/appliance rw - overlay /media/root-ro/var/lib/appliance rw,"
    "lowerdir=/media/root-ro/x,upperdir=/media/root-rw/overlay/var/lib/appliance,workdir=/w"
)


def proc(folder: Path, *mounts: str, command_line: str = "console=tty1 rootwait") -> Path:
    (folder / "self").mkdir()
    (folder / "self" / "mountinfo").write_text("".join(f"{mount}\n" for mount in mounts))
    (folder / "cmdline").write_text(f"{command_line}\n")
    return folder


@pytest.mark.parametrize(
    ("mounts", "command_line", "folder", "lost"),
    [
        ([CARD, TMP], "", "/var/lib/appliance", False),
        ([CARD, TMP], "", "/tmp/appliance", True),
        ([CARD, TMP], "overlayroot=tmpfs", "/var/lib/appliance", False),
        ([OVERLAY, UPPER], "overlayroot=tmpfs", "/var/lib/appliance", True),
        ([OVERLAY, UPPER], "", "/var/lib/appliance", True),
        ([OVERLAY, UPPER_DISK], "overlayroot=device:dev=/dev/sda1", "/var/lib/appliance", False),
        ([OVERLAY, UPPER, STATE], "overlayroot=tmpfs:recurse=0", "/var/lib/appliance", False),
        ([OVERLAY, UPPER, RECURSED], "overlayroot=tmpfs", "/var/lib/appliance", True),
        ([OLD], "boot=overlay", "/var/lib/appliance", True),
        ([OLD, STATE], "boot=overlay", "/var/lib/appliance/spool", False),
        ([CONTAINER], "", "/var/lib/appliance", False),
        ([CARD, STATE, SPACED], "", "/var/lib/appliance two/spool", True),
        ([CARD, STATE, SPACED], "", "/var/lib/appliance", False),
        ([CARD, OVERLAY, UPPER], "", "/var/lib/appliance", True),
        ([], "", "/var/lib/appliance", False),
    ],
)
def test_what_would_be_gone_at_power_off_is_known(
    mounts: list[str], command_line: str, folder: str, lost: bool, tmp_path: Path
) -> None:
    found = is_in_memory(Path(folder), proc(tmp_path, *mounts, command_line=command_line))
    assert found == lost


def test_the_mounts_of_this_machine_are_read() -> None:
    assert is_in_memory(Path("/dev/shm"))
