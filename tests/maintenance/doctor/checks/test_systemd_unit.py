from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.maintenance.doctor.checks.systemd_unit import Unit
from appliance.maintenance.doctor.result import CheckResult, Result
from tests.maintenance.programs import no_program

WELL = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "ActiveEnterTimestamp": "Sun 2026-11-22 09:14:03 CET",
    "NRestarts": "0",
    "Result": "success",
    "ExecMainStatus": "0",
    "User": "appliance",
    "SupplementaryGroups": "audio gpio i2c spi",
    "StateDirectory": "appliance",
}
"""What `systemctl show` says of a box that is well."""


class Systemd:
    """Answers `systemctl show` as systemd does: the properties asked for, a line each.

    There is no other program.
    """

    def __init__(self, **other: str) -> None:
        self.properties = {**WELL, **other}
        self.asked = 0

    def __call__(self, command: Sequence[str], **_: object) -> bytes:
        if command[0] != "systemctl":
            return no_program(command)
        self.asked += 1
        *question, names = command
        assert question == ["systemctl", "show", "appliance.service", "--property"]
        return "".join(f"{name}={self.properties[name]}\n" for name in names.split(",")).encode()


def examined(**other: str) -> CheckResult:
    return Unit(Systemd(**other)).examine()


def test_an_active_and_enabled_unit_is_fine() -> None:
    found = examined()
    assert found.result is Result.FINE
    assert found.found == (
        "active since Sun 2026-11-22 09:14:03 CET, enabled, never restarted by itself"
    )


@pytest.mark.parametrize(
    ("other", "result", "found", "remedy"),
    [
        ({"NRestarts": "3"}, Result.WARNING, "restarts by itself until now: 3", "journalctl -u"),
        ({"UnitFileState": "disabled"}, Result.WARNING, "disabled", "systemctl enable"),
        ({"ActiveState": "inactive"}, Result.WARNING, "inactive", "systemctl start"),
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "216"},
            Result.FAILED,
            "last end: exit-code, exit status 216",
            "journalctl -u",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "Result": "watchdog"},
            Result.FAILED,
            "last end: watchdog",
            "journalctl -u",
        ),
        (
            {"ActiveState": "activating", "SubState": "start"},
            Result.WARNING,
            "not ready yet",
            "wait a moment",
        ),
        ({"LoadState": "not-found"}, Result.WARNING, "not-found", "scripts/install"),
        ({"LoadState": "masked"}, Result.WARNING, "masked", "systemctl unmask appliance, then"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    other: dict[str, str], result: Result, found: str, remedy: str
) -> None:
    finding = examined(**other)
    assert finding.result is result
    assert found in finding.found
    assert remedy in finding.remedy


def test_without_systemd_nothing_is_wrong() -> None:
    unit = Unit(no_program)
    assert unit.examine().result is Result.NOT_TRIED
    assert unit.user == ""
    assert unit.groups == []
    assert unit.state_directory == ""


def test_its_user_groups_and_state_are_known_and_asked_for_once() -> None:
    systemd = Systemd()
    unit = Unit(systemd)
    unit.examine()
    assert unit.user == "appliance"
    assert unit.groups == ["audio", "gpio", "i2c", "spi"]
    assert unit.makes(Path("/var/lib/appliance"))
    assert not unit.makes(Path("/var/lib"))
    assert systemd.asked == 1


def test_a_unit_that_is_not_installed_has_no_user() -> None:
    assert Unit(Systemd(LoadState="not-found")).user == ""


@pytest.mark.parametrize(
    ("state", "up"),
    [
        *[("active", True), ("activating", True), ("reloading", True)],
        *[("inactive", False), ("failed", False), ("deactivating", False)],
    ],
)
def test_it_is_known_whether_it_is_up(state: str, up: bool) -> None:
    assert Unit(Systemd(ActiveState=state)).is_up == up
    assert not Unit(Systemd(ActiveState=state, LoadState="not-found")).is_up
    assert not Unit(no_program).is_up
