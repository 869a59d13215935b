"""The system's files: put where they belong, but for what the owner has switched off."""

from pathlib import Path

import pytest

from tests.scripts.fresh_box import FreshBox

RULES = "etc/udev/rules.d/90-appliance-report.rules"
UNIT = "etc/systemd/system/appliance.service"
CARD = "etc/systemd/system/appliance-card.service"

INSTALL = """
    restart_needed= reboot_needed=
    mkdir --parents "$releases"
    step Files put_system_files
    step Service eval 'enable_services; start_service'
"""


def switch_off(box: FreshBox, name: str) -> None:
    """Do as `ln -sf /dev/null`, and `systemctl mask`."""
    box.path(name).parent.mkdir(parents=True, exist_ok=True)
    box.path(name).unlink(missing_ok=True)
    box.path(name).symlink_to("/dev/null")


def is_switched_off(box: FreshBox, name: str) -> bool:
    return box.path(name).is_symlink() and box.path(name).readlink() == Path("/dev/null")


@pytest.mark.parametrize("installed_before", [False, True])
def test_what_the_owner_switched_off_stays_so(box: FreshBox, installed_before: bool) -> None:
    if installed_before:
        assert box.shell(INSTALL).returncode == 0
        box.log.unlink()
    for name in (RULES, CARD):
        switch_off(box, name)
    completed = box.shell(INSTALL)
    assert completed.returncode == 0, completed.stdout
    assert is_switched_off(box, RULES)
    assert is_switched_off(box, CARD)
    assert not any(CARD.rpartition("/")[2] in line for line in box.asked("systemctl"))
    assert box.read(UNIT).startswith("# The voice appliance.")


def test_a_service_that_its_owner_masked_is_not_started(box: FreshBox) -> None:
    switch_off(box, UNIT)
    completed = box.shell(INSTALL)
    assert completed.returncode == 0, completed.stdout
    assert "its owner has masked it: not started" in completed.stdout
    assert is_switched_off(box, UNIT)
    assert not (box.folder / "enabled-appliance.service").exists()
    assert not any("restart" in line for line in box.asked("systemctl"))


def test_any_other_link_is_replaced_by_the_file(box: FreshBox) -> None:
    box.path(RULES).parent.mkdir(parents=True)
    box.path(RULES).symlink_to("elsewhere")
    assert box.shell(INSTALL).returncode == 0
    assert not box.path(RULES).is_symlink()
    assert "appliance-report" in box.read(RULES)


@pytest.mark.parametrize("purge", [False, True])
def test_uninstalling_leaves_it_like_the_settings(box: FreshBox, purge: bool) -> None:
    assert box.shell(INSTALL).returncode == 0
    switch_off(box, RULES)
    completed = box.run("uninstall", *(["--purge"] if purge else []))
    assert completed.returncode == 0, completed.stdout
    assert is_switched_off(box, RULES) != purge
    assert not box.path(UNIT).exists()
