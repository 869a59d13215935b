"""`./scripts/test-machine [CASE...]`: runs cases on a virtual Pi, and reports their results."""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from tests.machine.cases import CASES
from tests.machine.cases.case import Case
from tests.machine.cloud import Cloud
from tests.machine.image import prepared
from tests.machine.installed import install
from tests.machine.json_lines import RefusedError
from tests.machine.machine import Card
from tests.machine.pi import VirtualPi, Workspace
from tests.machine.wheels import collect

CHECKOUT = Path(__file__).parents[2]
CASE_ERRORS = (
    AssertionError,
    OSError,
    ValueError,
    LookupError,
    RefusedError,
    subprocess.SubprocessError,
)
"""Errors by which a case fails; others are the runner's own."""

JOURNAL_NOISE = "qemu-ga|Not yet implemented|vhci_"
"""Journal lines of the virtual machine's own parts."""


class Result(NamedTuple):
    """Result of a case."""

    name: str
    passed: bool
    seconds: float
    remark: str


class CaseRunner:
    """Runner of cases, on copies of a box that was installed once.

    A box that passed a case serves for the next one.
    """

    def __init__(self, workspace: Workspace, installed: Card) -> None:
        self._workspace = workspace
        self._installed = installed
        self._boxes = 0
        self._pi: VirtualPi | None = None

    def run(self, case: Case) -> Result:
        """Run one case."""
        started = time.monotonic()
        try:
            pi = self._ready_box(case.name)
            remark, passed = case.run(pi), True
        except CASE_ERRORS as error:
            remark, passed = f"{error}" or type(error).__name__, False
            (self._workspace.results / f"{case.name}-error.txt").write_text(traceback.format_exc())
            self._keep_evidence(case.name)
        if case.leaves_box_changed or not passed:
            self.end()
        return Result(case.name, passed, time.monotonic() - started, remark)

    def end(self) -> None:
        """Switch off the box that is left."""
        pi, self._pi = self._pi, None
        if pi:
            pi.end()

    def _ready_box(self, name: str) -> VirtualPi:
        if not self._pi:
            self._boxes += 1
            card = Card(
                self._workspace.work / f"box-{self._boxes}", self._workspace.image, self._installed
            )
            self._pi = VirtualPi(self._workspace, card, name)
            self._pi.switch_on()
            self._pi.wait_until_up()
        self._pi.begin(name)
        self._pi.wait_for_mode("ready", within=120)
        return self._pi

    def _keep_evidence(self, name: str) -> None:
        pi = self._pi
        if not pi:
            return
        pi.keep_picture("failed")
        with contextlib.suppress(*CASE_ERRORS):  # the box may be off, or hang
            said = "journalctl -b --no-pager -o short-precise"
            journal = pi.shell.run(f"{said} | grep -vE '{JOURNAL_NOISE}' | tail -n 1500")
            (self._workspace.results / f"{name}-journal.txt").write_text(journal)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases named, or all; exit with 1 if one fails."""
    cases = _cases_asked_for(arguments)
    # The virtual Pi ends with this program, however that ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = caches / "voice-appliance-machine"
    try:
        with _alone(cache), _workspace(cache) as workspace:
            results = _all(workspace, cases)
            table = _table(results)
            (workspace.results / "table.txt").write_text(f"{table}\n")
            click.echo(f"\n{table}\n\nPictures and logs: {workspace.results}")
    except subprocess.CalledProcessError as error:
        said = (error.output or b"").decode(errors="replace")
        sys.exit(
            f"{said}\n{error.cmd[0]} failed, as shown above: put that right and run this again."
        )
    sys.exit(0 if all(result.passed for result in results) else 1)


def _all(workspace: Workspace, cases: Sequence[Case]) -> list[Result]:
    installed = Card(workspace.work / "installed", workspace.image)
    started = time.monotonic()
    try:
        remark = install(workspace, installed)
    except CASE_ERRORS as error:
        return [_printed(Result("install", False, time.monotonic() - started, str(error)))]
    results = [_printed(Result("install", True, time.monotonic() - started, remark))]
    runner = CaseRunner(workspace, installed)
    try:
        results += (_printed(runner.run(case)) for case in cases)
    finally:
        runner.end()
    return results


@contextlib.contextmanager
def _workspace(cache: Path) -> Iterator[Workspace]:
    image = prepared(cache, click.echo)
    wheels = image.folder / "wheels"
    collect(image, CHECKOUT / "pyproject.toml", wheels)
    results, work = _emptied(cache / "results"), _emptied(cache / "work")
    payload = work / "payload"
    shutil.copytree(wheels, payload / "wheels")
    hidden = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
    shutil.copytree(CHECKOUT, payload / "checkout", ignore=hidden)
    try:
        with tempfile.TemporaryDirectory(prefix="machine-") as sockets:
            yield Workspace(image, payload, Cloud(work / "port_file"), work, Path(sockets), results)
    finally:
        shutil.rmtree(work)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@contextlib.contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Keep others from using the same folder at the same time."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another run uses {cache}: wait for its end.")
        yield


def _cases_asked_for(arguments: Sequence[str] | None) -> list[Case]:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="test-machine", description=__doc__)
    parser.add_argument("case", nargs="*", help=f"one of: {', '.join(names)}")
    asked = parser.parse_args(arguments).case
    if unknown := set(asked) - set(names):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return [case for case in CASES if not asked or case.name in asked]


def _printed(result: Result) -> Result:
    click.echo(_row(result))
    return result


def _table(results: Sequence[Result]) -> str:
    head = f"{'case':<17} {'result':<7} {'seconds':>7}"
    return "\n".join([head, *(_row(result) for result in results)])


def _row(result: Result) -> str:
    outcome = "passed" if result.passed else "FAILED"
    remark = "\n    ".join(result.remark.splitlines())
    return f"{result.name:<17} {outcome:<7} {result.seconds:>7.0f}  {remark}"


if __name__ == "__main__":
    main()
