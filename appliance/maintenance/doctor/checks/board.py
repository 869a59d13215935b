"""Checks of the board: voltage, temperature, and the speed of the OLED's I2C bus."""

from collections.abc import Iterator
from pathlib import Path

from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, fine, not_tried, warning
from appliance.maintenance.doctor.runner import Check
from appliance.settings.schema import DisplaySettings
from appliance.system.processes import CommandError, Run

VCGENCMD_TIMEOUT = 5.0
"""Seconds for vcgencmd to answer."""

HOT = 80.0
"""Degrees Celsius at which a Pi slows down."""

FAST = 400_000
"""Hertz of the I2C bus at which a full picture takes 23 ms."""

CONFIG_LINE = "dtparam=i2c_arm=on,i2c_arm_baudrate=400000"

UNDERVOLTAGE_NOW, SLOWED_NOW, UNDERVOLTAGE_BEFORE = 1 << 0, 1 << 2, 1 << 16
"""Bits of `vcgencmd get_throttled` (Raspberry Pi documentation, "vcgencmd")."""

_SUPPLY = "use a supply and a cable made for this Pi: hardware.md, Parts"


def checks(context: Context) -> Iterator[Check]:
    """Yield the checks of power and of the I2C bus."""
    machine = context.machine
    yield Check("power", lambda: check_power(machine.run, machine.sys), time_limit=6)
    yield Check(
        "I2C",
        lambda: check_bus_speed(context.settings.display, machine.sys),
        needs=NEEDS_SETTINGS,
    )


def check_power(run: Run, sys: Path) -> CheckResult:
    """Check that the Pi has enough voltage, and is not too hot.

    Args:
        run: runs vcgencmd.
        sys: the folder /sys.
    """
    throttled = _throttled(run, sys)
    degrees = _degrees(sys)
    temperature = f"{degrees:.0f} °C" if degrees is not None else "temperature unknown"
    if throttled is None and degrees is None:
        return not_tried("neither firmware nor kernel report voltage and temperature")
    if throttled is None:
        power = "the kernel does not report undervoltage"
    elif throttled & UNDERVOLTAGE_NOW:
        return warning(f"too little voltage now; {temperature}", _SUPPLY)
    elif throttled & UNDERVOLTAGE_BEFORE:
        return warning(f"there was too little voltage since the start; {temperature}", _SUPPLY)
    else:
        power = "never too little voltage"
    if (degrees or 0.0) >= HOT or (throttled or 0) & SLOWED_NOW:
        return warning(f"{temperature}: the Pi slows down", "give it air, or a heat sink")
    return fine(f"{power}, {temperature}")


def check_bus_speed(settings: DisplaySettings, sys: Path) -> CheckResult:
    """Check that the I2C bus of the OLED is fast enough to show words at once.

    Source: the device tree, where numbers are big-endian (Devicetree Specification, 2.2.4).
    """
    if settings.driver in {"terminal", "none"} or settings.interface != "i2c":
        return not_tried("nothing is shown over I2C")
    path = sys / f"class/i2c-adapter/i2c-{settings.port}/of_node/clock-frequency"
    try:
        hertz = int.from_bytes(path.read_bytes()[:4], "big")
    except OSError:
        return not_tried(f"the kernel does not report the speed of I2C bus {settings.port}")
    found = f"bus {settings.port} runs at {hertz // 1000} kHz"
    if hertz < FAST:
        remedy = f'put "{CONFIG_LINE}" into /boot/firmware/config.txt and restart the box'
        return warning(f"{found}, so that words come late", remedy)
    return fine(found)


def _throttled(run: Run, sys: Path) -> int | None:
    """Return the firmware's bits; from the kernel alone, just those of undervoltage."""
    try:
        said = run(["vcgencmd", "get_throttled"], time_limit=VCGENCMD_TIMEOUT)
        return int(said.partition(b"=")[2], 16)
    except (CommandError, ValueError):
        alarm = _undervoltage_alarm(sys)
    return None if alarm is None else UNDERVOLTAGE_NOW * alarm


def _undervoltage_alarm(sys: Path) -> bool | None:
    """Return the alarm of the kernel's driver rpi_volt (its `in0_lcrit_alarm`)."""
    for name in sys.glob("class/hwmon/hwmon*/name"):
        if _read(name) == "rpi_volt":
            return _read(name.with_name("in0_lcrit_alarm")) == "1"
    return None


def _degrees(sys: Path) -> float | None:
    said = _read(sys / "class/thermal/thermal_zone0/temp")
    return int(said) / 1000 if said.lstrip("-").isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
