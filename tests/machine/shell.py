"""Commands for the guest, as root, through qemu's guest agent: no login, no network."""

import base64
import time
from pathlib import Path
from typing import NamedTuple

from tests.machine.json_lines import JsonLinesClient, RefusedError

POLL = 0.05
SYNC = 1
ENVIRONMENT = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
]


class Finished(NamedTuple):
    """Result of a command: its status, standard output and standard error."""

    status: int
    output: str

    @property
    def succeeded(self) -> bool:
        """Whether its status is 0."""
        return self.status == 0


class FailedError(AssertionError):
    """A command that had to work did not."""


class Shell:
    """Runs commands in the guest."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLinesClient(path)

    def wait(self, within: float) -> None:
        """Wait until the guest answers.

        Raises:
            TimeoutError: it does not.
            ConnectionError: the machine is off.
        """
        # Sent before the agent runs, it waits for it; sent again and again, it would fill the line.
        self._lines.send("guest-sync", id=SYNC)
        deadline = time.monotonic() + within
        while self._lines.receive(deadline - time.monotonic()).get("return") != SYNC:
            pass

    def run(self, command: str, within: float = 60.0) -> str:
        """Return what a command says.

        Raises:
            FailedError: its exit status is not 0.
        """
        finished = self.try_to(command, within)
        if not finished.succeeded:
            raise FailedError(f"{command!r} ended with {finished.status}:\n{finished.output}")
        return finished.output

    def try_to(self, command: str, within: float = 60.0) -> Finished:
        """Run a command, and return how it ended.

        Raises:
            TimeoutError: it has not ended; it runs on.
        """
        started = self._lines.ask(
            "guest-exec",
            **{"path": "/bin/sh", "arg": ["-c", f"exec 2>&1; {command}"], "capture-output": True},
            env=ENVIRONMENT,
        )
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            state = self._lines.ask("guest-exec-status", pid=started["pid"])
            if state["exited"]:
                said = base64.b64decode(state.get("out-data", "")).decode(errors="replace")
                return Finished(state.get("exitcode", 128 + state.get("signal", 0)), said)
            time.sleep(POLL)
        raise TimeoutError(f"{command!r} takes more than {within:g} s")

    def write(self, path: str, content: str) -> None:
        """Write a file, without starting a process: sooner done than `run`."""
        handle = self._lines.ask("guest-file-open", path=path, mode="w")["value"]
        try:
            encoded = base64.b64encode(content.encode()).decode()
            self._lines.ask("guest-file-write", handle=handle, **{"buf-b64": encoded})
        finally:
            self._lines.ask("guest-file-close", handle=handle)

    def read(self, path: str) -> str | None:
        """Return the start of a file (48 kB), or nothing where there is none."""
        try:
            handle = self._lines.ask("guest-file-open", path=path, mode="r")["value"]
        except RefusedError:
            return None
        try:
            got = self._lines.ask("guest-file-read", handle=handle, count=48_000)
        finally:
            self._lines.ask("guest-file-close", handle=handle)
        return base64.b64decode(got["buf-b64"]).decode(errors="replace")

    def shut_down(self) -> None:
        """Ask for an orderly power-off, and don't wait for it."""
        self._lines.send("guest-shutdown", mode="powerdown")

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
