"""Resources that a process holds, and their growth."""

import collections
import contextlib
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.consumption import cpu_seconds

MIN_SAMPLES = 12
"""Samples below which nothing can be said of growth."""


class ResourceUsage(NamedTuple):
    """Resources of a process: memory in MB, blocks of Python's allocator, threads, descriptors.

    `own` is the part of the memory that lies in no file, `pss` counts a part of what is shared
    with others, and so depends on them. `in_use` is what malloc has given out: without the gaps
    between, which threads that come and go leave behind. `blocks` are Python's, apart from that.
    `cpu` is the seconds it has used so far.
    """

    rss: float
    own: float
    pss: float
    in_use: float
    blocks: float
    threads: float
    descriptors: float
    cpu: float


class Tolerance(NamedTuple):
    """Increase that is no growth: a part of the first figure, or so much at least."""

    part: float = 0.0
    least: float = 0.0


TOLERANCES = {
    "rss": Tolerance(0.12),
    "in_use": Tolerance(0.04),
    "blocks": Tolerance(0.04),
    "threads": Tolerance(),
    "descriptors": Tolerance(),
}


class Growth(NamedTuple):
    """Medians of the first and the last quarter, and the increase that would be no growth."""

    first: float
    last: float
    tolerated: float

    @property
    def grew(self) -> bool:
        """Whether it is more than tolerated."""
        return self.last - self.first > self.tolerated


def growth(values: Sequence[float], tolerance: Tolerance) -> Growth:
    """Compare the first quarter of the values with the last."""
    quarter = max(1, len(values) // 4)
    first = statistics.median(values[:quarter])
    last = statistics.median(values[-quarter:])
    return Growth(first, last, max(tolerance.part * first, tolerance.least))


def growths(samples: Sequence[ResourceUsage]) -> dict[str, Growth]:
    """Compare each quantity; nothing when there are too few samples to tell."""
    if len(samples) < MIN_SAMPLES:
        return {}
    return {
        name: growth([getattr(sample, name) for sample in samples], tolerance)
        for name, tolerance in TOLERANCES.items()
    }


def usage_of(pid: int) -> ResourceUsage:
    """Look at a running process, from outside: `in_use` and `blocks` it knows itself.

    Source: proc(5).
    """
    process = Path(f"/proc/{pid}")
    status = (process / "status").read_text()
    return ResourceUsage(
        rss=_field(status, "VmRSS") * 1024 / 1e6,
        own=_field(status, "RssAnon") * 1024 / 1e6,
        pss=_field((process / "smaps_rollup").read_text(), "Pss") * 1024 / 1e6,
        in_use=0.0,
        blocks=0.0,
        threads=_field(status, "Threads"),
        descriptors=len(list((process / "fd").iterdir())),
        cpu=cpu_seconds(pid),
    )


def open_files(pid: int) -> dict[str, int]:
    """Return what a process has open, and how often: paths, and kinds of what has none."""
    targets: collections.Counter[str] = collections.Counter()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            targets[str(descriptor.readlink()).partition(":[")[0]] += 1
    return dict(targets)


def _field(text: str, name: str) -> int:
    line = next(line for line in text.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])
