from pathlib import Path

import pytest

from appliance.system.power import PowerError, is_shutting_down, power_off
from tests.rig.bus import MessageBus, needs_a_bus

REFUSAL = "org.freedesktop.DBus.Error.AccessDenied"


@needs_a_bus
def test_logind_is_asked_without_a_question_to_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MessageBus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        power_off()
    assert bus.calls == [("PowerOff", (False,))]


@needs_a_bus
def test_a_refusal_is_shown_to_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MessageBus(tmp_path, refusal=REFUSAL) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        with pytest.raises(PowerError) as caught:
            power_off()
    assert caught.value.fault.what == "Can't switch off"
    assert REFUSAL in caught.value.fault.detail
    assert "not you" in caught.value.fault.detail


@needs_a_bus
@pytest.mark.parametrize(
    ("state", "going_down"), [("stopping", True), ("running", False), ("degraded", False)]
)
def test_systemd_says_whether_the_system_goes_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, going_down: bool
) -> None:
    with MessageBus(tmp_path, state=state) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        assert is_shutting_down() is going_down
    assert bus.calls == [("Get", ("org.freedesktop.systemd1.Manager", "SystemState"))]


def test_without_a_bus_the_box_can_not_be_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    with pytest.raises(PowerError):
        power_off()
    assert not is_shutting_down()
