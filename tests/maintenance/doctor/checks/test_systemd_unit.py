import pytest

from appliance.maintenance.doctor.checks.systemd_unit import check_unit
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.maintenance.doctor.unit import Unit
from tests.maintenance.doctor.healthy import Systemd
from tests.maintenance.programs import no_program


def checked(**other: str) -> CheckResult:
    return check_unit(Unit(Systemd(**other)))


def test_an_active_and_enabled_unit_is_fine() -> None:
    found = checked()
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
def test_what_is_wrong_is_reported_with_what_to_do(
    other: dict[str, str], result: Result, found: str, remedy: str
) -> None:
    given = checked(**other)
    assert given.result is result
    assert found in given.found
    assert remedy in given.remedy


def test_without_systemd_it_is_not_tried() -> None:
    assert check_unit(Unit(no_program)).result is Result.NOT_TRIED
