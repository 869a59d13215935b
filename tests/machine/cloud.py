"""Host `cloud` of the virtual Pi: one of the services on this machine, or none."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig.numbered import Speech, numbered
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SETTINGS = """\
[service]
url = "ws://cloud/v3/ws"
token_url = "http://cloud/token"

[microphone]
device = "usb"
"""
"""Settings with which a box uses this cloud."""


class Cloud:
    """Address of the service for the guest; `port_file` holds the port behind it."""

    def __init__(self, port_file: Path) -> None:
        self.port_file = port_file

    @contextmanager
    def hearing(self, speech: Speech) -> Iterator[ScriptedService]:
        """Let a service answer that hears exactly this speech, and only where it arrives whole."""
        with ScriptedService(numbered(speech.words)) as service, self._open(service.port):
            yield service

    @contextmanager
    def transcribing(self, log: Path) -> Iterator[None]:
        """Let the appliance's own local service answer, which understands English."""
        command = [sys.executable, "-m", "appliance", "local-service", "--port", "0"]
        with log.open("w") as output, subprocess.Popen(command, stderr=output) as process:
            try:
                wait_until(lambda: _announced_port(log))
                with self._open(_announced_port(log)):
                    yield
            finally:
                process.terminate()

    @contextmanager
    def _open(self, port: int) -> Iterator[None]:
        self.port_file.write_text(str(port))
        try:
            yield
        finally:
            self.port_file.unlink()


def _announced_port(log: Path) -> int:
    found = re.search(r"ws://[^:]+:(\d+)", log.read_text())
    return int(found[1]) if found else 0
