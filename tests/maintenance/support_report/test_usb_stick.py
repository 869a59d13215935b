import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from appliance.maintenance.paths import Box
from appliance.maintenance.support_report.usb_stick import report_on_stick
from appliance.system.processes import output
from tests.maintenance.media import KINDS, medium, mounted
from tests.maintenance.programs import Programs


@pytest.fixture
def device(tmp_path: Path, box: Box) -> Path:
    """A file in a device's place, on a machine where nothing is mounted."""
    mounts = box.root / "proc/self/mountinfo"
    mounts.parent.mkdir(parents=True)
    mounts.write_text("21 28 254:99 / / rw - ext4 /dev/root rw\n")
    device = tmp_path / "device"
    device.touch()
    return device


@pytest.fixture
def mount_point(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted"
    folder.mkdir()
    return folder


def mounting(programs: Programs) -> list[str]:
    return [" ".join(command) for command in programs.called if "mount" in command[0]]


def test_a_stick_that_asks_is_written_and_unmounted(
    box: Box, device: Path, mount_point: Path, programs: Programs
) -> None:
    (mount_point / "appliance-report").touch()
    assert report_on_stick(device, mount_point, box.root, programs)
    assert (mount_point / "appliance-report-done").exists()
    options = "nosuid,nodev,noexec"
    assert mounting(programs) == [
        f"mount --types vfat,exfat,ext4 --options ro,{options} {device} {mount_point}",
        f"mount --options remount,rw,{options} {mount_point}",
        f"umount {mount_point}",
    ]


def test_any_other_stick_is_never_mounted_for_writing(
    box: Box, device: Path, mount_point: Path, programs: Programs
) -> None:
    assert report_on_stick(device, mount_point, box.root, programs)
    assert len(mounting(programs)) == 2
    assert not any("rw" in command for command in mounting(programs))


def test_a_disk_that_the_box_runs_from_is_left_alone(
    box: Box, device: Path, mount_point: Path, programs: Programs
) -> None:
    number = device.stat().st_rdev
    mounts = box.root / "proc/self/mountinfo"
    mounts.write_text(f"21 28 {os.major(number)}:{os.minor(number)} / / rw - ext4 /dev/sda2 rw\n")
    assert report_on_stick(device, mount_point, box.root, programs)
    assert programs.called == []


@pytest.mark.parametrize("failing", ["mount", "umount"])
def test_a_stick_that_fails_is_reported_in_one_line(
    box: Box,
    device: Path,
    mount_point: Path,
    programs: Programs,
    failing: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    programs.failing = failing
    (mount_point / "appliance-report").touch()
    assert not report_on_stick(device, mount_point, box.root, programs)
    assert caplog.messages == [f"no report on {device}: {failing} failed"]


def test_a_stick_that_is_gone_already_is_reported(
    box: Box, device: Path, mount_point: Path, programs: Programs
) -> None:
    device.unlink()
    assert not report_on_stick(device, mount_point, box.root, programs)


# Real file systems


@pytest.fixture(params=KINDS)
def stick(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with medium(request.param, tmp_path / "image") as device:
        yield device


class RealMounts(Programs):
    """Mounts for real, and leaves the rest to the others."""

    def __call__(self, command: Sequence[str], **_: object) -> bytes:
        return output(command) if "mount" in command[0] else super().__call__(command)


def test_a_real_stick_gets_its_report_once_and_is_not_left_mounted(
    box: Box, stick: Path, mount_point: Path
) -> None:
    mounts = box.root / "proc/self/mountinfo"
    mounts.parent.mkdir(parents=True)
    mounts.touch()
    with mounted(stick, mount_point):
        (mount_point / "Appliance-Report").mkdir()
    for _ in range(2):
        assert report_on_stick(stick, mount_point, box.root, RealMounts())
        assert not mount_point.is_mount()
    with mounted(stick, mount_point):
        [transcripts] = mount_point.glob("appliance-report-kitchen-*/transcripts.txt")
        assert "Good morning." in transcripts.read_text()
        assert (mount_point / "appliance-report-done").is_dir()
