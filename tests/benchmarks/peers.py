"""`./scripts/benchmark peers`: the whole appliance beside the vendor's SDK.

Both run at once, each as a process of its own, on the same PyAudio microphone, the same service
over TLS and the same network. One run is a calm minute; in the other, handshakes take half a second
and the network is away for four.

The appliance runs with its OLED, its history and its spool; the SDK as its documentation shows it,
with nothing around. CPU is counted from press to press; memory is the peak of the resident set. The
audio itself tells when its first sample was captured: every 10 ms of it carry their number.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import markdown
from tests.benchmarks.side_by_side import Measured, Network, measure
from tests.rig.numbered import speech

LEAD_MS = 4000
"""Milliseconds of silence before the first word: time for everything to come up."""

CPU_GOAL = 0.6
MEMORY_GOAL = 0.9
FIRST_SAMPLE_GOAL = 100.0


class Row(NamedTuple):
    """One line of the table, with what the ratio of appliance to SDK must not exceed."""

    what: str
    appliance: float
    sdk: float
    digits: int = 1
    goal: str = ""
    is_met: bool = True

    def cells(self) -> tuple[str, ...]:
        """Return the line as text."""
        ratio = f"{self.appliance / self.sdk:.2f}" if self.sdk else "-"
        figures = (f"{self.appliance:.{self.digits}f}", f"{self.sdk:.{self.digits}f}")
        verdict = f"{self.goal} {'met' if self.is_met else 'MISSED'}" if self.goal else ""
        return self.what, *figures, ratio, verdict


def main() -> None:
    """Measure both; exit with 1 if a goal is missed."""
    _say("a calm minute")
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        calm = measure(speech(120, lead_ms=LEAD_MS), Path(folder))
    _say("20 s with slow handshakes and a drop of 4 s")
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        troubled = measure(
            speech(40, lead_ms=LEAD_MS),
            Path(folder),
            handshake_delay=0.5,
            meanwhile=_drop_for_four_seconds,
        )
    rows = _rows(calm, troubled)
    headings = ("", "appliance", "SDK", "ratio", "goal")
    sys.stdout.write(markdown.table(headings, [row.cells() for row in rows]) + "\n")
    sys.exit(not all(row.is_met for row in rows))


def _drop_for_four_seconds(network: Network) -> None:
    time.sleep(8)
    network.drop(4)


def _rows(calm: tuple[Measured, Measured], troubled: tuple[Measured, Measured]) -> list[Row]:
    ours, theirs = calm
    cpu, memory = ours.cpu / theirs.cpu, ours.memory / theirs.memory
    first = max(ours.first_sample, troubled[0].first_sample)
    lost = ours.lost + troubled[0].lost
    return [
        Row("words lost of 120, calm", ours.lost, theirs.lost, 0, "none", not ours.lost),
        Row("words lost of 40, drop of 4 s", *_both(troubled, "lost"), 0, "none", not lost),
        Row("CPU seconds a minute", *_both(calm, "cpu"), 2, f"<= {CPU_GOAL}", cpu <= CPU_GOAL),
        Row(
            "peak memory, MB", *_both(calm, "memory"), 1, f"<= {MEMORY_GOAL}", memory <= MEMORY_GOAL
        ),
        Row("press to first sample, ms, calm", *_both(calm, "first_sample"), 0),
        Row(
            "press to first sample, ms, slow handshake",
            *_both(troubled, "first_sample"),
            0,
            f"< {FIRST_SAMPLE_GOAL:.0f} ms",
            first < FIRST_SAMPLE_GOAL,
        ),
        Row("turn on the wire to its handler, ms", *_both(calm, "handled"), 2),
    ]


def _both(pair: tuple[Measured, Measured], field: str) -> tuple[float, float]:
    return getattr(pair[0], field), getattr(pair[1], field)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is for the one who waits


if __name__ == "__main__":
    main()
