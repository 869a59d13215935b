"""The board: power, warmth, and the speed of the bus to the OLED."""

from pathlib import Path

from appliance.maintenance.doctor.result import CheckResult, fine, not_tried, warning
from appliance.settings.schema import DisplaySettings
from appliance.system.processes import CommandError, Run, output

SYS = Path("/sys")

ANSWER_TIMEOUT = 5.0
"""Seconds for vcgencmd to answer."""

HOT = 80.0
"""Degrees Celsius from which a Pi slows itself down."""

FAST = 400_000
"""Hertz of the I2C bus at which a full picture takes 23 ms."""

CONFIG_LINE = "dtparam=i2c_arm=on,i2c_arm_baudrate=400000"

UNDERVOLTAGE_NOW, SLOWED_NOW, UNDERVOLTAGE_BEFORE = 1 << 0, 1 << 2, 1 << 16
"""Bits of `vcgencmd get_throttled` (Raspberry Pi documentation, "vcgencmd")."""

_SUPPLY = "use a supply and a cable made for this Pi: hardware.md, Parts"


def examine_power(run: Run = output, sys: Path = SYS) -> CheckResult:
    """Tell whether the Pi has power enough, and is not too hot."""
    throttled = _throttled(run, sys)
    degrees = _degrees(sys)
    warmth = f"{degrees:.0f} °C" if degrees is not None else "warmth unknown"
    if throttled is None and degrees is None:
        return not_tried("neither firmware nor kernel tell of power and warmth")
    if throttled is None:
        power = "the kernel does not tell of undervoltage"
    elif throttled & UNDERVOLTAGE_NOW:
        return warning(f"too little voltage now; {warmth}", _SUPPLY)
    elif throttled & UNDERVOLTAGE_BEFORE:
        return warning(f"there was too little voltage since the start; {warmth}", _SUPPLY)
    else:
        power = "never too little voltage"
    if (degrees or 0.0) >= HOT or (throttled or 0) & SLOWED_NOW:
        return warning(f"{warmth}: it slows itself down", "give it air, or a heat sink")
    return fine(f"{power}, {warmth}")


def examine_bus_speed(settings: DisplaySettings, sys: Path = SYS) -> CheckResult:
    """Tell whether the I2C bus of the OLED is fast enough for words to come at once.

    Source: the device tree, where numbers are big-endian (Devicetree Specification, 2.2.4).
    """
    if settings.driver in {"terminal", "none"} or settings.interface != "i2c":
        return not_tried("nothing is shown over I2C")
    path = sys / f"class/i2c-adapter/i2c-{settings.port}/of_node/clock-frequency"
    try:
        hertz = int.from_bytes(path.read_bytes()[:4], "big")
    except OSError:
        return not_tried(f"the kernel does not tell the speed of I2C bus {settings.port}")
    found = f"bus {settings.port} runs at {hertz // 1000} kHz"
    if hertz < FAST:
        remedy = f'put "{CONFIG_LINE}" into /boot/firmware/config.txt and restart the box'
        return warning(f"{found}, so that words come late", remedy)
    return fine(found)


def _throttled(run: Run, sys: Path) -> int | None:
    """Return the firmware's bits; of them, the kernel alone knows undervoltage since its alarm."""
    try:
        said = run(["vcgencmd", "get_throttled"], time_limit=ANSWER_TIMEOUT)
        return int(said.partition(b"=")[2], 16)
    except (CommandError, ValueError):
        alarm = _undervoltage_alarm(sys)
    return None if alarm is None else UNDERVOLTAGE_NOW * alarm


def _undervoltage_alarm(sys: Path) -> bool | None:
    """Return what the kernel's driver rpi_volt says (its `in0_lcrit_alarm`)."""
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
