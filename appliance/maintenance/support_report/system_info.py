"""System information for a report: hardware, power, disks, network, packages."""

import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from appliance import __version__
from appliance.maintenance.paths import Box
from appliance.system.processes import CommandError, Run

_POWER = re.compile(r"under-?voltage|voltage normali[sz]ed|throttl", re.IGNORECASE)

_UNIT_PROPERTIES = (
    "ActiveState,SubState,Result,NRestarts,ExecMainStatus,ActiveEnterTimestamp,StatusText,"
    "MemoryCurrent,UnitFileState"
)


def describe(box: Box, run: Run) -> str:
    """Return sections with a heading each; a section that can't be read says why."""
    sections: dict[str, Callable[[], Iterator[str]]] = {
        "Program": _program,
        "Computer": lambda: _computer(box.root),
        "Power": lambda: _power(box.root, run),
        "Disks": lambda: _disks(box),
        "Sound": lambda: _sound(box.root),
        "USB": lambda: _usb(box.root),
        "Network": lambda: _network(box.root),
        "Service": lambda: _service(run),
        "Packages": _packages,
    }
    return "\n".join(
        "".join(f"{line}\n" for line in (heading, "-" * len(heading), *_lines_of(section)))
        for heading, section in sections.items()
    )


def _lines_of(section: Callable[[], Iterator[str]]) -> Iterator[str]:
    try:
        yield from section()
    except (OSError, CommandError) as error:
        yield f"(not known: {error})"


def _program() -> Iterator[str]:
    yield f"Voice appliance {__version__}"
    yield f"Python {platform.python_version()} in {sys.prefix}"


def _computer(root: Path) -> Iterator[str]:
    yield _text(root / "proc/device-tree/model") or platform.machine()
    yield _system_name()
    yield f"Linux {platform.release()} {platform.machine()}"
    uptime = _text(root / "proc/uptime").partition(".")[0]
    yield f"up for {int(uptime or 0) // 60} min, load {_text(root / 'proc/loadavg')}"
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith(("MemTotal", "MemAvailable", "SwapFree")):
            yield " ".join(line.split())
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*/temp")):
        yield f"{int(_text(zone)) / 1000:.0f} °C"


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _power(root: Path, run: Run) -> Iterator[str]:
    for flags in root.glob("sys/devices/platform/soc/soc:firmware/get_throttled"):
        yield f"throttled: 0x{_text(flags)} (0x0: never)"
    kernel = run(["journalctl", "--dmesg", "--no-pager", "--output=short-iso", "--lines=5000"])
    found = [line for line in kernel.decode("utf-8", "replace").splitlines() if _POWER.search(line)]
    yield from found[-20:] or ["the kernel reports no undervoltage"]


def _disks(box: Box) -> Iterator[str]:
    folders = [box.root, *box.partitions[:1], box.root / "var/lib/appliance"]
    for folder in filter(Path.exists, folders):
        usage = shutil.disk_usage(folder)
        yield f"{folder}: {usage.free / 1e6:.0f} MB free of {usage.total / 1e6:.0f} MB"


def _sound(root: Path) -> Iterator[str]:
    yield from _text(root / "proc/asound/cards").splitlines() or ["no sound cards"]


def _usb(root: Path) -> Iterator[str]:
    for product in sorted(root.glob("sys/bus/usb/devices/*/product")):
        yield f"{product.parent.name}: {_text(product)}"


def _network(root: Path) -> Iterator[str]:
    for state in sorted(root.glob("sys/class/net/*/operstate")):
        yield f"{state.parent.name}: {_text(state)}"


def _service(run: Run) -> Iterator[str]:
    command = ["systemctl", "show", "appliance.service", f"--property={_UNIT_PROPERTIES}"]
    yield from run(command).decode("utf-8", "replace").splitlines()


def _packages() -> Iterator[str]:
    yield from sorted(f"{found.name} {found.version}" for found in metadata.distributions())


def _text(path: Path) -> str:
    """Return the text of a kernel's file; nothing if there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except FileNotFoundError:
        return ""
