"""`./scripts/benchmark tokens`: the number of appliances that one token server can serve.

The token server, the vendor and those who ask are processes of one machine and share its
processors; everybody comes over the loopback, and over a new connection each time. The vendor takes
100 ms for a token. First, clients ask without a pause; then 200 appliances, each with the program's
own way of fetching and retrying, want a token at the same moment, as after a power cut. The
benchmark fails when one goes without.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import markdown
from tests.benchmarks.consumption import cpu_seconds, peak_memory
from tests.benchmarks.power_cut import Served, all_at_once
from tests.benchmarks.screen_figures import median, p99
from tests.benchmarks.token_load import Load, load
from tests.benchmarks.token_server import Fleet, register_fleet, running_token_server

APPLIANCES = 200
SECONDS = 5.0
CLIENTS = (1, 16, 64, 200)

DEFAULT_PER_MINUTE = 30
"""Tokens a minute that an appliance may have by default."""

CUTS: dict[str, dict[str, Any]] = {
    "all is there": {},
    "the server starts 5 s later": {"server_after": 5.0},
    "the vendor takes 2 s": {"delay": 2.0},
    "the vendor gives 150 a minute": {"vendor_per_minute": 150},
}


def main() -> None:
    """Measure and print; exit with 1 if anybody went without a token."""
    with tempfile.TemporaryDirectory(prefix="tokens-") as folder:
        fleet = register_fleet(Path(folder), APPLIANCES)
        _say(f"load {os.getloadavg()[0]:.1f}")
        failed = _without_pause(Path(folder), fleet)
        failed += _after_power_cuts(Path(folder), fleet)
    sys.exit(failed > 0)


def _without_pause(folder: Path, fleet: Fleet) -> int:
    rows, failed = [], 0
    for tls in (False, True):
        with running_token_server(folder, fleet, tls=tls) as server:
            for clients in CLIENTS:
                before = cpu_seconds(server.process)
                done = load(server, fleet.secrets, clients, SECONDS)
                cpu = cpu_seconds(server.process) - before
                memory = peak_memory(server.process)
                rows.append(load_row("https" if tls else "http", clients, done, cpu, memory))
                failed += done.failed
    headings = ("vendor of 100 ms", "clients", "tokens/s", "p50", "p99", "failed", "CPU", "memory")
    _say(markdown.table(headings, rows))
    return failed


def load_row(scheme: str, clients: int, done: Load, cpu: float, memory: float) -> tuple[str, ...]:
    """Return a line of the table about clients that ask without a pause.

    `cpu` is what the server took in all, in seconds, `memory` its most so far, in MB.
    """
    return (
        scheme,
        str(clients),
        f"{done.rate:.0f}",
        f"{1000 * median(done.delays):.0f} ms",
        f"{1000 * p99(done.delays):.0f} ms",
        str(done.failed),
        f"{1000 * cpu / max(1, len(done.delays)):.1f} ms each",
        f"{memory:.0f} MB",
    )


def _after_power_cuts(folder: Path, fleet: Fleet) -> int:
    rows, without = [], 0
    for what, changed in CUTS.items():
        with running_token_server(
            folder, fleet, per_minute=DEFAULT_PER_MINUTE, **changed
        ) as server:
            served = all_at_once(server, fleet.secrets, folder)
        rows.append(cut_row(what, served))
        without += APPLIANCES - len(served)
    headings = (f"{APPLIANCES} at once, https", "served", "p50", "p99", "last", "most tries")
    _say(markdown.table(headings, rows))
    return without


def cut_row(what: str, served: list[Served]) -> tuple[str, ...]:
    """Return a line of the table about power cuts."""
    after = [one.after for one in served]
    return (
        what,
        str(len(served)),
        f"{median(after):.1f} s",
        f"{p99(after):.1f} s",
        f"{max(after, default=float('nan')):.1f} s",
        str(max((one.tries for one in served), default=0)),
    )


def _say(text: str) -> None:
    print(f"{text}\n", flush=True)  # noqa: T201 - it is what the benchmark is for


if __name__ == "__main__":
    main()
