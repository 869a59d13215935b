"""Check of permissions: the service's user can open its devices and files."""

import grp
import os
import pwd
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from appliance.maintenance.doctor.context import Context
from appliance.maintenance.doctor.result import CheckResult, failed, fine, not_tried
from appliance.maintenance.doctor.runner import Check
from appliance.maintenance.doctor.unit import Unit
from appliance.settings import Settings
from appliance.system.processes import CommandError, Identity, output

TEST_TIMEOUT = 5.0
"""Seconds for test(1) to answer."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of permissions."""
    yield Check(
        "permissions",
        lambda: check_permissions(
            context.unit, context.settings, context.path, context.machine.dev
        ),
        time_limit=10,
    )


class User(NamedTuple):
    """User that the appliance runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, unit: Unit) -> Self:
        """Return the unit's user; if it names none, the user of this process.

        Raises:
            KeyError: the system does not know that user, or one of the unit's groups.
        """
        uid = pwd.getpwnam(unit.user).pw_uid if unit.user else os.geteuid()
        entry = pwd.getpwuid(uid)
        own = os.getgrouplist(entry.pw_name, entry.pw_gid)
        added = [grp.getgrnam(group).gr_gid for group in unit.groups]
        return cls(entry.pw_name, uid, entry.pw_gid, tuple({*own, *added}))

    def is_in(self, group: str) -> bool:
        """Return whether the user belongs to a group."""
        try:
            return grp.getgrnam(group).gr_gid in self.groups
        except KeyError:
            return False

    @property
    def can_be_asked_for(self) -> bool:
        """Whether this process can find out what the user may do."""
        return os.geteuid() in {0, self.uid}

    def may(self, operator: str, path: Path) -> bool:
        """Return whether the user may read or write, also by access lists and read-only disks.

        Args:
            operator: "-r" to read or "-w" to write, as test(1) has it.
            path: a file, a folder or a device.
        """
        if self.uid == os.geteuid():
            return os.access(path, os.R_OK if operator == "-r" else os.W_OK)
        identity = Identity(self.uid, self.gid, self.groups)
        try:
            output(["test", operator, str(path)], identity=identity, time_limit=TEST_TIMEOUT)
        except CommandError:
            return False
        return True


class Need(NamedTuple):
    """Device or file that the appliance uses, and what to do if its user may not."""

    path: Path
    remedy: str
    written: bool = True

    def is_met_for(self, user: User) -> bool:
        """Return whether the user may do what is needed."""
        return user.may("-r", self.path) and (not self.written or user.may("-w", self.path))


def check_permissions(unit: Unit, settings: Settings, path: Path, devices: Path) -> CheckResult:
    """Check that the service's user may use all devices and files that exist.

    Other checks miss those that do not exist.

    Args:
        unit: names the user and its groups.
        settings: name the devices and files.
        path: the settings file.
        devices: the folder of the devices, usually /dev.
    """
    try:
        user = User.of(unit)
    except KeyError as error:
        return failed(
            f"the system does not know what the unit names: {error.args[0]}",
            "run: sudo systemd-sysusers, then sudo systemctl restart appliance",
        )
    if not user.can_be_asked_for:
        return not_tried(f"only root can find out what {user.name} may do", "try with sudo")
    needs = [
        *_devices(settings, user, devices),
        *_files(settings, path, user.name),
    ]
    there = [need for need in needs if os.path.lexists(need.path)]
    refused = [need for need in there if not need.is_met_for(user)]
    if refused:
        paths = ", ".join(str(need.path) for need in refused)
        remedies = dict.fromkeys(need.remedy for need in refused)
        return failed(f"{user.name} may not use {paths}", "; ".join(remedies))
    if not there:
        return not_tried("no device and no file exists")
    return fine(f"{user.name} may use {_shortened(need.path for need in there)}")


def _devices(settings: Settings, user: User, devices: Path) -> Iterable[Need]:
    display = settings.display
    if display.driver not in {"terminal", "none"}:
        bus = f"i2c-{display.port}" if display.interface == "i2c" else f"spidev{display.port}.0"
        yield Need(devices / bus, _way_in(user, display.interface))
    for chip in sorted(devices.glob("gpiochip*")):
        yield Need(chip, _way_in(user, "gpio"))
    for device in sorted(devices.glob("snd/*C*")):  # controlC0, pcmC0D0c
        yield Need(device, _way_in(user, "audio"))


def _files(settings: Settings, path: Path, user: str) -> Iterable[Need]:
    service, mqtt = settings.service, settings.mqtt
    secrets = (
        service.api_key_file,
        service.token_secret_file,
        service.fallback_token_secret_file,
        mqtt.password_file,
    )
    certificates = service.ca_file, mqtt.tls if isinstance(mqtt.tls, str) else ""
    for file in (str(path), *secrets, *certificates):
        if file:
            yield Need(Path(file), f"let {user} read {file}", written=False)


def _way_in(user: User, group: str) -> str:
    """Return how the user gets access to a device of a group."""
    if user.is_in(group):
        return f"let the group {group} use it: a udev rule is missing"
    join = f"sudo usermod -aG {group} {user.name}"
    return f"add the user to the group {group}: {join}, then restart"


def _shortened(paths: Iterable[Path]) -> str:
    """Return the paths in one line; all sound devices are named by their folder."""
    names = dict.fromkeys(
        str(path.parent) if path.parent.name == "snd" else str(path) for path in paths
    )
    return ", ".join(names)
