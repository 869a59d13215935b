"""`./scripts/benchmark boot`: from `execve` to the first picture and to "press to talk".

The program runs as systemd runs it, unmodified: its OLED is an I2C bus at 400 kHz that writes down
what is sent, its pins are mocks, its microphone is real PyAudio on a PulseAudio of its own. Beside
it stand the bare imports of the libraries that drive the hardware, each in an interpreter that
does nothing else. All figures are medians of several starts, with everything in the page cache. A
second table lists which packages are imported when, and how long they take by themselves.
"""

import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import markdown
from tests.benchmarks.boot_runs import (
    Import,
    Reached,
    Start,
    bare_import,
    start_appliance,
    watched_imports,
)
from tests.benchmarks.boot_trace import import_times
from tests.rig.sound import PipeMicrophone

ROUNDS = 7

LUMA = "import luma.core.interface.serial, luma.oled.device"
BARE = {
    "python alone": "pass",
    "import luma.core, luma.oled": LUMA,
    "import gpiozero": "import gpiozero",
    "import pyaudio": "import pyaudio",
    "all three": f"{LUMA}; import gpiozero; import pyaudio",
}

STAGES = {
    "first picture": "import appliance.cli, appliance.app.run, smbus2;"
    "import appliance.screen.panels.oled",
    "ready": "import appliance.app.wiring, gpiozero.pins.mock",
    "at rest": "from appliance.streaming.session import load_network; load_network()",
}
"""What is imported one after the other."""

PACKAGES = 10
"""So many packages are named, the slowest first."""


class Row(NamedTuple):
    """Row of the table: memory is in MB; what was not measured, or says nothing, is None."""

    what: str
    seconds: float | None
    cpu: float
    memory: float | None = None

    def cells(self, yardstick: "Row") -> tuple[str, ...]:
        """Return the line as text, with times also as multiples of the yardstick's."""
        return (
            self.what,
            _figure(self.seconds, 3),
            _figure(self.cpu, 3),
            _figure(self.memory, 1),
            _ratio(self.seconds, yardstick.seconds),
            _ratio(self.cpu, yardstick.cpu),
        )


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _ratio(value: float | None, yardstick: float | None) -> str:
    return f"{value / yardstick:.2f}" if value and yardstick else ""


def main() -> None:
    """Measure, and print two tables."""
    with PipeMicrophone(), tempfile.TemporaryDirectory(prefix="boot-") as name:
        folder = Path(name)
        _say("once, so that everything is compiled and in memory")
        start_appliance(folder / "warm")
        starts: list[Start] = []
        imports: dict[str, list[Import]] = {what: [] for what in BARE}
        for number in range(1, ROUNDS + 1):
            _say(f"start {number} of {ROUNDS}")
            # In turns, so that whatever else the machine does slows all of them alike.
            starts.append(start_appliance(folder / str(number)))
            for what, statement in BARE.items():
                imports[what].append(bare_import(statement))
    stages = dict(zip(STAGES, watched_imports(STAGES.values()), strict=True))
    sys.stdout.write(f"{figures(imports, starts)}\n\n{by_package(stages)}\n")


def figures(imports: dict[str, list[Import]], starts: Sequence[Start]) -> str:
    """Return the table of what it took; the last of the imports is the yardstick."""
    bare = [
        _row(what, [run.reached for run in runs], [run.memory for run in runs])
        for what, runs in imports.items()
    ]
    ours = [
        _row("first picture", [start.first_picture for start in starts]),
        _row("READY=1", [start.notified for start in starts]),
        _row('"Ready" on the screen', [start.ready_picture for start in starts]),
        Row(
            "at rest",
            None,
            statistics.median(start.cpu for start in starts),
            statistics.median(start.memory for start in starts),
        ),
    ]
    headings = ("from execve to", "s", "CPU s", "MB", "s, ratio", "CPU, ratio")
    return markdown.table(headings, [row.cells(bare[-1]) for row in (*bare, *ours)])


def _row(what: str, reached: Sequence[Reached], memory: Sequence[float] = ()) -> Row:
    return Row(
        what,
        statistics.median(one.seconds for one in reached),
        statistics.median(one.cpu for one in reached),
        statistics.median(memory) if memory else None,
    )


def by_package(stages: Mapping[str, Sequence[str]]) -> str:
    """Return the table of the slowest imports, from what `-X importtime` says of each stage."""
    times = [import_times(lines) for lines in stages.values()]
    total: dict[str, float] = defaultdict(float)
    for stage in times:
        for package, seconds in stage.items():
            total[package] += seconds
    slowest = sorted(total, key=lambda package: -total[package])[:PACKAGES]
    rows = [
        (package, *(f"{stage.get(package, 0) * 1000:.1f}" for stage in times))
        for package in slowest
    ]
    everything = ("all", *(f"{sum(stage.values()) * 1000:.1f}" for stage in times))
    return markdown.table(("imports, ms", *stages), [*rows, everything])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


if __name__ == "__main__":
    main()
