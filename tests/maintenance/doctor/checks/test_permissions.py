import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.maintenance.doctor.checks import permissions
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.maintenance.doctor.unit import Unit
from appliance.settings import Settings
from tests.maintenance.doctor.healthy import Systemd
from tests.maintenance.programs import no_program

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask for other users")

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def box() -> Iterator[Path]:
    """A folder with devices that everybody may use, which `nobody` may enter."""
    with tempfile.TemporaryDirectory() as name:  # pytest keeps its own folders closed
        box = Path(name)
        box.chmod(0o755)
        devices = box / "dev"
        (devices / "snd").mkdir(parents=True)
        for device in ("i2c-1", "gpiochip0", "snd/controlC1", "snd/pcmC1D0c"):
            (devices / device).touch()
            (devices / device).chmod(0o666)
        yield box


def checked(box: Path, settings: Settings = Settings(), user: str = "nobody") -> CheckResult:  # noqa: B008
    unit = Unit(Systemd(User=user, SupplementaryGroups=""))
    return permissions.check_permissions(unit, settings, box / "appliance.toml", box / "dev")


@needs_root
def test_what_the_user_of_the_service_may_use_is_reported(box: Path) -> None:
    found = checked(box)
    assert found.result is Result.FINE
    assert found.found == (f"nobody may use {box}/dev/i2c-1, {box}/dev/gpiochip0, {box}/dev/snd")


@needs_root
@pytest.mark.parametrize(
    ("device", "group"), [("i2c-1", "i2c"), ("gpiochip0", "gpio"), ("snd/pcmC1D0c", "audio")]
)
def test_a_device_that_is_root_alone_names_the_group(box: Path, device: str, group: str) -> None:
    (box / "dev" / device).chmod(0o660)
    found = checked(box)
    assert found.result is Result.FAILED
    assert found.found == f"nobody may not use {box}/dev/{device}"
    assert f"add the user to the group {group}: sudo usermod -aG {group} nobody" in found.remedy


@needs_root
def test_a_group_of_the_unit_counts(box: Path) -> None:
    chip = box / "dev/gpiochip0"
    os.chown(chip, 0, 1)  # daemon
    chip.chmod(0o660)
    unit = Unit(Systemd(User="nobody", SupplementaryGroups="daemon"))
    found = permissions.check_permissions(unit, Settings(), box / "appliance.toml", box / "dev")
    assert found.result is Result.FINE


@needs_root
def test_a_user_who_is_in_the_group_already_needs_a_rule(box: Path) -> None:
    (box / "dev/snd/pcmC1D0c").chmod(0o600)
    unit = Unit(Systemd(User="nobody", SupplementaryGroups="audio"))
    found = permissions.check_permissions(unit, Settings(), box / "appliance.toml", box / "dev")
    assert found.remedy == "let the group audio use it: a udev rule is missing"


@needs_root
def test_a_key_that_only_root_can_read_is_reported(box: Path) -> None:
    key = box / "key"
    key.write_text("secret")
    key.chmod(0o600)
    default = Settings()
    service = msgspec.structs.replace(default.service, api_key_file=str(key))
    found = checked(box, msgspec.structs.replace(default, service=service))
    assert found.result is Result.FAILED
    assert found.remedy == f"let nobody read {key}"


def test_a_user_or_group_that_does_not_exist_is_reported(box: Path) -> None:
    assert "no-such-user" in checked(box, user="no-such-user").found
    unit = Unit(Systemd(User="nobody", SupplementaryGroups="no-such-group"))
    found = permissions.check_permissions(unit, Settings(), box / "appliance.toml", box / "dev")
    assert found.result is Result.FAILED
    assert "no-such-group" in found.found


def test_without_a_unit_the_user_of_the_process_counts(box: Path) -> None:
    unit = Unit(no_program)
    found = permissions.check_permissions(unit, Settings(), box / "appliance.toml", box / "dev")
    assert found.result is Result.FINE
    assert found.found.startswith(pwd.getpwuid(os.geteuid()).pw_name)


def test_devices_that_are_not_there_are_reported_by_who_misses_them(tmp_path: Path) -> None:
    found = permissions.check_permissions(Unit(no_program), Settings(), tmp_path / "none", tmp_path)
    assert found.result is Result.NOT_TRIED


def test_only_root_can_be_asked_for_another_user() -> None:
    other = permissions.User("other", os.geteuid() + 1, 0, ())
    assert other.can_be_asked_for == (os.geteuid() == 0)
    assert permissions.User("self", os.geteuid(), 0, ()).can_be_asked_for
