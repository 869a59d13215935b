from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.maintenance.doctor.checks.board import check_bus_speed, check_power
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.settings.schema import DisplaySettings
from tests.maintenance.programs import no_program


def board(sys: Path, *, degrees: float = 48.3) -> Path:
    """Make the files that a Pi's kernel has, and return their root."""
    zone = sys / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text(f"{round(degrees * 1000)}\n")
    return sys


def alarmed(sys: Path, alarm: str) -> Path:
    hwmon = sys / "class/hwmon/hwmon1"
    hwmon.mkdir(parents=True)
    (hwmon / "name").write_text("rpi_volt\n")
    (hwmon / "in0_lcrit_alarm").write_text(f"{alarm}\n")
    return sys


def powered(sys: Path, throttled: str | None) -> CheckResult:
    def run(command: Sequence[str], **_: object) -> bytes:
        assert command == ["vcgencmd", "get_throttled"]
        if throttled is None:
            return no_program(command)
        return f"throttled={throttled}\n".encode()

    return check_power(run, sys)


def test_enough_power_and_a_cool_head_are_fine(tmp_path: Path) -> None:
    found = powered(board(tmp_path), "0x0")
    assert found.result is Result.FINE
    assert found.found == "never too little voltage, 48 °C"


@pytest.mark.parametrize(
    ("throttled", "found"),
    [
        ("0x50005", "too little voltage now"),
        ("0x50000", "there was too little voltage since the start"),
        ("0x4", "the Pi slows down"),
    ],
)
def test_a_weak_supply_and_heat_are_warnings(tmp_path: Path, throttled: str, found: str) -> None:
    result = powered(board(tmp_path), throttled)
    assert result.result is Result.WARNING
    assert found in result.found
    assert result.remedy


def test_a_hot_board_is_a_warning_where_the_firmware_says_nothing(tmp_path: Path) -> None:
    result = powered(board(tmp_path, degrees=83.0), None)
    assert result.result is Result.WARNING
    assert "83 °C" in result.found


def test_the_kernel_is_asked_where_the_firmware_can_not_be(tmp_path: Path) -> None:
    sys = board(tmp_path)
    assert "does not report undervoltage" in powered(sys, None).found
    assert powered(alarmed(sys, "1"), None).result is Result.WARNING


def test_a_kernel_without_alarm_is_believed(tmp_path: Path) -> None:
    assert powered(alarmed(board(tmp_path), "0"), None).result is Result.FINE


def test_where_nothing_is_reported_nothing_is_claimed(tmp_path: Path) -> None:
    assert powered(tmp_path, None).result is Result.NOT_TRIED


def bus(sys: Path, hertz: int, port: int = 1) -> Path:
    node = sys / f"class/i2c-adapter/i2c-{port}/of_node"
    node.mkdir(parents=True)
    (node / "clock-frequency").write_bytes(hertz.to_bytes(4, "big"))
    return sys


def test_a_fast_bus_is_fine(tmp_path: Path) -> None:
    found = check_bus_speed(DisplaySettings(), bus(tmp_path, 400_000))
    assert found.result is Result.FINE
    assert found.found == "bus 1 runs at 400 kHz"


def test_a_slow_bus_is_a_warning_with_the_line_to_add(tmp_path: Path) -> None:
    found = check_bus_speed(DisplaySettings(port=3), bus(tmp_path, 100_000, port=3))
    assert found.result is Result.WARNING
    assert "bus 3 runs at 100 kHz" in found.found
    assert "dtparam=i2c_arm=on,i2c_arm_baudrate=400000" in found.remedy
    assert "/boot/firmware/config.txt" in found.remedy


@pytest.mark.parametrize(
    "settings",
    [DisplaySettings(), DisplaySettings(interface="spi"), DisplaySettings(driver="none")],
)
def test_what_is_not_known_or_not_used_is_not_tried(
    tmp_path: Path, settings: DisplaySettings
) -> None:
    assert check_bus_speed(settings, tmp_path).result is Result.NOT_TRIED
