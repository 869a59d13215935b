"""Program under test, in a process of its own, as seen from outside."""

import contextlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.reports import Report, read
from tests.rig.waiting import wait_until

ROOT = Path(__file__).parents[2]

END_TIMEOUT = 30.0
"""Seconds for a program that was asked to end; then it is killed."""


class Program:
    """Runs `python -m MODULE ARGUMENTS` for as long as the `with` block lasts.

    Its log goes to the end of the file `log`; `reports` grows as it reports. `usage` is what it
    used, once it has ended.
    """

    def __init__(self, module: str, *arguments: str | Path, log: Path, **environment: str) -> None:
        self._command = [sys.executable, "-m", module, *map(str, arguments)]
        self._log = log
        self._environment = environment
        self.reports: list[Report] = []
        self.usage: resource.struct_rusage | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=os.environ | self._environment,
            )
        self._reader = threading.Thread(target=self._read, name="reports")
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return not self._has_ended()

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    def press(self) -> None:
        """Press the button; returns at once."""
        self.send("press")

    def send(self, command: str) -> None:
        """Give it a line on its standard input; returns at once."""
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()

    def wait_for(self, condition: Callable[[Report], bool], within: float = 30.0) -> Report:
        """Wait until a report fulfils the condition; return it."""
        wait_until(lambda: any(map(condition, list(self.reports))), within)
        return next(filter(condition, list(self.reports)))

    def end(self) -> None:
        """Ask it to end, and wait until it did."""
        if self.usage is None:
            assert self._process.stdin
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            try:
                wait_until(self._has_ended, within=END_TIMEOUT)
            except AssertionError:
                self.kill()
            self._let_go()

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would."""
        self._process.kill()
        wait_until(self._has_ended)
        self._let_go()

    def _has_ended(self) -> bool:
        # Not Popen's own wait: it would throw the usage away.
        if self.usage is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self.usage = usage
        return self.usage is not None

    def _let_go(self) -> None:
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.reports.append(read(line))
