"""`./scripts/benchmark soak`: plays sessions with faults at random, and looks for growth.

The appliance runs as a process of its own: real PyAudio hears a private PulseAudio, a scripted
service transcribes, OLED and button are simulated, and what it writes lies on a small disk of its
own where this user may mount one. Sessions are short and follow each other; now and then nobody
does anything until the screen sleeps, and before each row of the table everything is transcribed.

Audio carries its own position in every 10 ms, so that each word said can be found in the history.
The seed decides which faults come, not to the millisecond when.

Growth is the median of the last quarter of the samples against that of the first. They are taken
after each session that leaves nothing to transcribe in the background, after a warm-up.
"""

import argparse
import collections
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import markdown
from tests.benchmarks.soak_bench import SoakBench
from tests.benchmarks.soak_faults import CALM, FAULTS, Fault, faults_for
from tests.benchmarks.soak_growth import MIN_SAMPLES, TOLERANCES, ResourceUsage, growths, open_files
from tests.benchmarks.soak_log import Unexplained, unexplained
from tests.benchmarks.soak_totals import Totals

WARM_UP = 3
"""Sessions before the first row."""

CALM_SHARE = 0.25
"""How many of the sessions nothing goes wrong in."""

DELIVERY_TIMEOUT = 120.0
"""Seconds for all that waits to be transcribed before a row; longer at the end."""

HEADINGS = (
    "minute", "sessions", "faults", "words said", "lost", "doubled", "RSS MB", "own MB", "PSS MB",
    "in use MB", "Python blocks", "threads", "descriptors", "CPU s / session min",
)  # fmt: skip


class Arguments(NamedTuple):
    """Arguments of the command line."""

    minutes: float
    every: float
    seed: int
    faults: str


class Soak:
    """Running soak: its episodes so far, and its measurements."""

    def __init__(self, bench: SoakBench, arguments: Arguments) -> None:
        self.bench = bench
        self.played: collections.Counter[str] = collections.Counter()
        self.samples: list[ResourceUsage] = []
        self.rows: list[tuple[str, ...]] = []
        self.trouble: list[str] = []
        self.calm_lines = 0
        self.calm_minutes = 0.0
        self.more: dict[str, int] = {}
        self._chance = random.Random(arguments.seed)
        self._faults = [it for it in faults_for(bench) if arguments.faults in it.name]
        self._arguments = arguments
        self._began_at = time.monotonic()
        self._row_at = 0.0
        self._since: tuple[ResourceUsage, Totals] | None = None

    @property
    def minutes(self) -> float:
        """How long it has been running."""
        return (time.monotonic() - self._began_at) / 60

    def run(self) -> None:
        """Play until the time is over; note as trouble what does not end."""
        try:
            for _ in range(WARM_UP):
                self._play(CALM)
            self.bench.fill_caches()
            self._settle()
            census = self._census()
            self._began_at = time.monotonic()
            self._report_row()
            while self.minutes < self._arguments.minutes:
                self._play(self._next())
                if not self.bench.spooled:
                    self.samples.append(self.bench.usage())
                rest = self._arguments.minutes - self.minutes
                if self.minutes - self._row_at >= self._arguments.every and rest > 1:
                    self._settle()
                    self._report_row()
            self._settle(6 * DELIVERY_TIMEOUT)
            self._report_row()
            self.more = _difference(census, self._census())
        except (AssertionError, BrokenPipeError) as error:
            was = f"in the mode {self.bench.mode!r}" if self.bench.program.runs else "at an end"
            self.trouble.append(f"stuck: {error}, with the appliance {was}")
            self.bench.dump()

    def _census(self) -> dict[str, int]:
        return self.bench.count_objects() | open_files(self.bench.program.pid)

    def _next(self) -> Fault:
        if self._chance.random() < CALM_SHARE:
            return CALM
        return self._chance.choices(self._faults, [fault.weight for fault in self._faults])[0]

    def _play(self, fault: Fault) -> None:
        lines, minutes = len(self.bench.lines), self.minutes
        try:
            fault.play(self.bench, self._chance)
        except (AssertionError, BrokenPipeError) as error:
            raise AssertionError(f"{fault.name}: {error}") from error
        self.played[fault.name] += 1
        if fault is CALM:
            self.calm_lines += len(self.bench.lines) - lines
            self.calm_minutes += self.minutes - minutes

    def _settle(self, within: float = DELIVERY_TIMEOUT) -> None:
        if not self.bench.wait_until_delivered(within):
            _say(f"after {within:.0f} s audio still waits to be transcribed")

    def _report_row(self) -> None:
        self._row_at = self.minutes
        usage, totals, words = self.bench.usage(), self.bench.totals, self.bench.compared()
        since, self._since = self._since, (usage, totals)
        row = (
            f"{self.minutes:.1f}",
            str(totals.sessions),
            str(self.played.total() - self.played[CALM.name]),
            str(len(self.bench.said)),
            str(words.lost),
            str(words.doubled),
            f"{usage.rss:.1f}",
            f"{usage.own:.1f}",
            f"{usage.pss:.1f}",
            f"{usage.in_use:.1f}",
            f"{usage.blocks:.0f}",
            f"{usage.threads:.0f}",
            f"{usage.descriptors:.0f}",
            _cpu(since, usage, totals),
        )
        self.rows.append(row)
        lines = markdown.table(HEADINGS, [row]).splitlines()
        _say(*(lines if since is None else lines[2:]))


def main() -> None:
    """Soak; exit with 1 on growth, a lost or doubled word, or words in the log without a cause."""
    arguments = _arguments()
    _say(f"seed {arguments.seed}")
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    with SoakBench(folder) as bench:
        soak = Soak(bench, arguments)
        soak.run()
        words, (lost, doubled) = bench.compared(), bench.missing()
        trouble = [*soak.trouble, *bench.service.violations]
    if bench.program.status:
        trouble.append(f"the appliance ended with the status {bench.program.status}")
    if any(words):
        trouble.append(f"lost {words.lost}: {' '.join(lost)}")
        trouble.append(f"doubled {words.doubled}: {' '.join(doubled)}")
    explained = [fault.explains for fault in faults_for(bench) if soak.played[fault.name]]
    log = unexplained(bench.lines, explained)
    good = report(soak, trouble, log)
    if good:
        shutil.rmtree(folder)
    else:
        _say(f"see {folder}")
    sys.exit(not good)


def report(soak: Soak, trouble: Sequence[str], log: Unexplained) -> bool:
    """Print what it came to; return whether all was well."""
    compared = growths(soak.samples)
    _print(markdown.table(HEADINGS, soak.rows))
    faults = [(name, str(count)) for name, count in sorted(soak.played.items())]
    _print(markdown.table(("played", "times"), faults))
    rows = [
        (
            name,
            f"{it.first:.1f}",
            f"{it.last:.1f}",
            f"{it.tolerated:.1f}",
            "grew" if it.grew else "no growth",
        )
        for name, it in compared.items()
    ]
    _print(markdown.table(("median", "first quarter", "last quarter", "tolerated", ""), rows))
    if calm := soak.played[CALM.name]:
        _print(
            f"Lines in the log for each calm session: {soak.calm_lines / calm:.1f}"
            f" ({soak.calm_lines / soak.calm_minutes:.0f} a minute, as one follows the other)."
        )
    sys.stdout.writelines(f"- {line}\n" for line in (*trouble, *log.severe, *log.warnings))
    _print("More at the end: " + (_kinds(soak.more) or "nothing") + ".")
    grew = [name for name, it in compared.items() if it.grew]
    if not compared:
        _print(f"Too short to tell growth: that takes {MIN_SAMPLES} samples.")
    elif grew:
        _print(f"GROWTH of {', '.join(grew)}.")
    else:
        _print(f"No growth of {', '.join(TOLERANCES)} over {len(soak.samples)} samples.")
    return not (grew or trouble or log.severe)


def _arguments() -> Arguments:
    parser = argparse.ArgumentParser(
        prog="benchmark soak", description="Plays session after session with faults at random."
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (30)")
    parser.add_argument("--every", type=float, default=5.0, help="minutes from row to row (5)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--faults", default="", metavar="TEXT", help="only those with it in a name")
    arguments = Arguments(**vars(parser.parse_args()))
    if not any(arguments.faults in fault.name for fault in FAULTS):
        names = ", ".join(fault.name for fault in FAULTS)
        parser.error(f"no fault has {arguments.faults!r} in its name; there are: {names}")
    return arguments


def _cpu(since: tuple[ResourceUsage, Totals] | None, usage: ResourceUsage, totals: Totals) -> str:
    """Return the CPU seconds for each minute of sessions since the row before."""
    if since is None or totals.seconds <= since[1].seconds:
        return "-"
    return f"{60 * (usage.cpu - since[0].cpu) / (totals.seconds - since[1].seconds):.1f}"


def _kinds(more: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:+}" for name, count in more.items())


def _difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Return of which types there are more, the most first."""
    more = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: n for name, n in sorted(more.items(), key=lambda it: -it[1]) if n > 0}


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n\n")


if __name__ == "__main__":
    main()
