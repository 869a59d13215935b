"""Measured start of a program: the appliance as systemd starts it, or a bare import."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.boot_trace import Moment, pictures, shown, transfers
from tests.benchmarks.consumption import cpu_seconds
from tests.rig.ocr import words_on

ROOT = Path(__file__).parents[2]
TRACED = Path(__file__).parent / "traced"

READY_TIMEOUT = 60.0
"""Seconds for the appliance to be ready, on the slowest board."""

STILL_TIME = 2.5
"""Seconds without a new picture after which everything has been loaded."""

SEPARATOR = "--"
"""Line between the imports of one statement and those of the next."""

SETTINGS = """
[microphone]
device = ""
[light]
pin = 27
[history]
path = "{folder}/history.db"
"""

BARE = """
import time
{statement}
at, cpu = time.monotonic(), time.process_time()
resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(at, cpu, int(resident.split()[1]) * 1024 / 1e6)
"""


class Reached(NamedTuple):
    """Cost of getting somewhere from `execve`: seconds, and CPU seconds."""

    seconds: float
    cpu: float


class Start(NamedTuple):
    """Cost of a start of the appliance; CPU seconds and memory, in MB, are those at rest."""

    first_picture: Reached
    ready_picture: Reached
    notified: Reached
    cpu: float
    memory: float


class Import(NamedTuple):
    """Cost of an import in a new interpreter; memory is what is resident, in MB."""

    reached: Reached
    memory: float


def bare_import(statement: str) -> Import:
    """Measure an interpreter that runs this statement and nothing else."""
    began = time.monotonic()
    code = BARE.format(statement=statement)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    at, cpu, memory = map(float, ran.stdout.split())
    return Import(Reached(at - began, cpu), memory)


def start_appliance(folder: Path) -> Start:
    """Start the appliance with all its state in this folder, and stop it once it is at rest.

    Raises:
        RuntimeError: it showed no picture, or never was ready; the message has its log.
    """
    with _appliance(folder) as run:
        notified = run.wait_until_ready()
        run.wait_until_still()
        cpu, memory = cpu_seconds(run.process.pid), run.resident_memory()
    seen = list(pictures(transfers(run.trace.read_text().splitlines())))
    first = shown(seen, {"starting", "ready"}, words_on)
    ready = shown(seen, {"ready"}, words_on)
    if not (first and ready):
        raise RuntimeError(f"no picture says that it is ready:\n{run.log.read_text()}")
    return Start(
        _since(run.began, first), _since(run.began, ready), _since(run.began, notified), cpu, memory
    )


def watched_imports(statements: Iterable[str]) -> Iterator[list[str]]:
    """Run statements one after the other under `-X importtime`; yield what it says of each."""
    code = f"\nsys.stderr.write('{SEPARATOR}\\n')\n".join(statements)
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import sys\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    for part in ran.stderr.split(SEPARATOR):
        yield part.splitlines()


class _Run:
    """The appliance, running."""

    def __init__(self, folder: Path) -> None:
        self.trace = folder / "trace"
        self.log = folder / "log"
        self._notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notifications.bind(str(folder / "notify"))
        self._notifications.settimeout(READY_TIMEOUT)
        settings = folder / "appliance.toml"
        settings.write_text(SETTINGS.format(folder=folder))
        environment = {
            "BOOT_TRACE": str(self.trace),
            "GPIOZERO_PIN_FACTORY": "mock",
            "NOTIFY_SOCKET": str(folder / "notify"),
            "PYTHONPATH": str(TRACED),
            "RUNTIME_DIRECTORY": str(folder),
            "STATE_DIRECTORY": str(folder),
        }
        self.trace.touch()
        with self.log.open("wb") as log:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "appliance", "run", "--config", settings],
                env=os.environ | environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def wait_until_ready(self) -> Moment:
        """Return when it notified systemd that it is ready."""
        try:
            while b"READY=1" not in self._notifications.recv(4096):
                pass
        except TimeoutError as error:
            raise RuntimeError(f"never ready:\n{self.log.read_text()}") from error
        return Moment(time.monotonic(), cpu_seconds(self.process.pid))

    def wait_until_still(self) -> None:
        """Wait until the picture has not changed for a while."""
        count = -1
        while count != (count := self._data_transfers()):
            time.sleep(STILL_TIME)

    def resident_memory(self) -> float:
        """Return the memory that is resident now, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6

    def end(self) -> None:
        """Stop it as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self._notifications.close()

    def _data_transfers(self) -> int:
        sent = transfers(self.trace.read_text().splitlines())
        return sum(transfer.content[0] == 0x40 for transfer in sent)


@contextlib.contextmanager
def _appliance(folder: Path) -> Iterator[_Run]:
    folder.mkdir()
    run = _Run(folder)
    try:
        yield run
    finally:
        run.end()


def _since(began: float, moment: Moment) -> Reached:
    return Reached(moment.at - began, moment.cpu)
