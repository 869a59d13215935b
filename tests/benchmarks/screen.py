"""`./scripts/benchmark screen`: the delay of words on the OLED, and its cost.

The whole appliance runs, with its OLED on a simulated I2C bus of 400 kHz that takes as long as the
wire would. A scripted service on the loopback sends it turns; the clock starts when
websocket-client calls `on_message` and stops when the last byte has passed the bus. Beside it, the
same appliance lets luma send each picture whole. What the clock on the wall tells is the best of
three runs, since others may use the machine, too; a delay is missed by far when even its median is.
"""

import math
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_figures import (
    A_WORD,
    ANY_CHANGE,
    BYTES,
    CPU,
    Target,
    median,
    p99,
    percentile,
)
from tests.benchmarks.screen_replay import drawn, sent
from tests.benchmarks.screen_report import Report
from tests.benchmarks.screen_sizes import report_growth, report_panels
from tests.benchmarks.screen_talk import Step, conversation
from tests.benchmarks.screen_trials import (
    APPENDED,
    BURST,
    FINISHED,
    FORMATTED,
    REPAINTED,
    REVISED,
    SCROLLED,
    Trials,
    best,
)

CHANGES, CHANGES_OF_LUMA = 600, 300
"""Messages of a run."""

CAPTIONS = 40.0
"""Seconds of live captions."""

OLED = DisplaySettings()


def main() -> None:
    """Measure what is named, or everything; exit with 1 if a target is missed by far."""
    names = sys.argv[1:] or list(MEASUREMENTS)
    if unknown := set(names) - set(MEASUREMENTS):
        _say(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
        sys.exit(2)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="screen-") as folder:
        trials = Trials(Path(folder))
        for name in names:
            _say(f"{name}; load {os.getloadavg()[0]:.1f}")
            MEASUREMENTS[name](trials, report)
    sys.exit(report.failed)


def _delays(trials: Trials, report: Report) -> None:
    """Print how soon changes are shown, beside luma's whole pictures."""
    ours = best(lambda: trials.reactions(OLED, _talk(), CHANGES))
    lumas = best(lambda: trials.reactions(OLED, _talk(), CHANGES_OF_LUMA, whole=True))
    repaints = best(lambda: trials.reactions(OLED, _talk(), CHANGES // 10, repaints=True))
    targets = {
        APPENDED: A_WORD,
        REVISED: ANY_CHANGE,
        SCROLLED: ANY_CHANGE,
        FINISHED: ANY_CHANGE,
        FORMATTED: ANY_CHANGE,
    }
    rows = [
        _delay_row(report, change, ours.shown(change), lumas.shown(change), target)
        for change, target in targets.items()
    ]
    rows.append(_delay_row(report, "any change", ours.shown(), lumas.shown(), ANY_CHANGE))
    rows.append(_delay_row(report, REPAINTED, repaints.shown(REPAINTED), lumas.shown(), ANY_CHANGE))
    headings = (
        "ms to the last byte",
        "n",
        "p50",
        "p99",
        "max",
        "luma p50",
        "luma p99",
        "ratio",
        "p99",
    )
    report.table(headings, rows)
    _say(f"the bus took {ours.overhead:.2f} times as long as its bits")


def _delay_row(
    report: Report, change: str, ours: list[float], lumas: list[float], target: Target
) -> tuple[str, ...]:
    slowest = max(ours, default=math.nan)
    figures = (median(ours), p99(ours), slowest, median(lumas), p99(lumas))
    written = [f"{figure:.1f}" for figure in figures]
    ratio = f"{median(ours) / median(lumas):.2f}"
    verdict = report.verdict(target, p99(ours), typical=median(ours))
    return change, str(len(ours)), *written, ratio, verdict


def _captions(trials: Trials, report: Report) -> None:
    """Print what live captions take of the bus and of the processor."""
    trial = trials.captions(OLED, CAPTIONS)
    pictures, drawing = drawn(trial.scenes, OLED)
    ours, lumas = sent(pictures, OLED), sent(pictures, OLED, whole=True)
    both = [draw + send for draw, send in zip(drawing, ours.cpu, strict=True)]
    both_by_luma = [draw + send for draw, send in zip(drawing, lumas.cpu, strict=True)]
    share = 100 * trial.bytes_sent / lumas.bytes_sent
    seconds = f"{CAPTIONS:.0f} s of captions, {len(pictures)} frames"
    rows = [
        (
            f"bytes, {seconds}",
            f"{trial.bytes_sent}",
            f"{lumas.bytes_sent}",
            f"{share / 100:.2f}",
            report.verdict(BYTES, share),
        ),
        _cpu_row("CPU of packing and sending a frame, ms", ours.cpu, lumas.cpu),
        _cpu_row("CPU with rendering, ms", both, both_by_luma),
        _cpu_row("the same, p99", both, both_by_luma, 0.99, report.verdict(CPU, p99(both))),
    ]
    report.table(("", "appliance", "luma", "ratio", "target"), rows)


def _cpu_row(
    what: str, ours: list[float], lumas: list[float], share: float = 0.5, verdict: str = ""
) -> tuple[str, ...]:
    figure, lumas_figure = percentile(ours, share), percentile(lumas, share)
    ratio = f"{figure / lumas_figure:.2f}"
    return what, f"{figure:.2f}", f"{lumas_figure:.2f}", ratio, verdict


def _burst(trials: Trials, report: Report) -> None:
    """Print what becomes of turns that come faster than the bus can show them."""
    ours, lumas = trials.burst(OLED), trials.burst(OLED, whole=True)
    rows = [
        (f"frames, {BURST} turns in a second", str(len(ours.ages)), str(len(lumas.ages))),
        (
            "age of a turn when shown, ms, p50",
            f"{median(ours.ages):.1f}",
            f"{median(lumas.ages):.1f}",
        ),
        ("age of a turn when shown, ms, max", f"{max(ours.ages):.1f}", f"{max(lumas.ages):.1f}"),
        ("the last turn is shown after, ms", f"{ours.last:.1f}", f"{lumas.last:.1f}"),
    ]
    report.table(("", "appliance", "luma"), rows)


def _talk() -> Iterator[Step]:
    return conversation(random.Random(5))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


MEASUREMENTS = {
    "delays": _delays,
    "captions": _captions,
    "burst": _burst,
    "growth": report_growth,
    "panels": report_panels,
}


if __name__ == "__main__":
    main()
