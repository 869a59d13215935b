from pathlib import Path

import pytest

from appliance.maintenance.doctor.unit import Unit
from tests.maintenance.doctor.healthy import Systemd
from tests.maintenance.programs import no_program


def test_without_systemd_nothing_is_known() -> None:
    unit = Unit(no_program)
    assert unit.properties == {}
    assert unit.user == ""
    assert unit.groups == []
    assert unit.state_directory == ""


def test_its_user_groups_and_state_are_known_and_asked_for_once() -> None:
    systemd = Systemd()
    unit = Unit(systemd)
    assert unit.is_known
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
