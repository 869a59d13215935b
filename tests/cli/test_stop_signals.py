import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import websocket

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]

COMMANDS = {
    "run": (["run"], "button: GPIO"),
    "local-service": (["local-service", "--port", "0"], "local service at ws://"),
    "token-server": (["token-server", "run", "--port", "0"], "token server at http://"),
}
"""The commands that run until a signal, and what they log when they serve; the demo has tests of
its own."""

SERVICE_RESTART = 1012
"""Close code of a connection whose server ends."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Settings without hardware, and state folders of their own."""
    path = tmp_path / "appliance.toml"
    path.write_text(f'[history]\npath = "{tmp_path}/history.db"\n[display]\ndriver = "none"\n')
    own = {"APPLIANCE_CONFIG": str(path), "STATE_DIRECTORY": str(tmp_path)}
    return {**os.environ, **own, "GPIOZERO_PIN_FACTORY": "mock"}


class Program:
    """A command as the leader of a process group, as a shell starts it."""

    def __init__(self, arguments: list[str], environment: dict[str, str], *before: str) -> None:
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", "appliance", *arguments],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, text: str) -> str:
        """Return the line of the log that holds a text."""
        assert self._process.stderr
        log = iter(self._process.stderr.readline, "")
        line = next((line for line in log if text in line), None)
        assert line, "it ended"
        return line

    def send(self, number: int) -> None:
        """Send a signal to it and to its processes."""
        os.killpg(self._process.pid, number)

    def ignores(self, number: int) -> bool:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        mask = int(status.partition("SigIgn:")[2].split()[0], 16)
        return bool(mask >> (number - 1) & 1)

    def end(self) -> tuple[int, str]:
        """Return the exit status and the rest of the log, once it has ended."""
        _, log = self._process.communicate(timeout=60)
        return self._process.returncode, log

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def program(arguments: list[str], environment: dict[str, str], *before: str) -> Iterator[Program]:
    running = Program(arguments, environment, *before)
    try:
        yield running
    finally:
        running.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_signal_ends_a_command_with_status_0(
    environment: dict[str, str], command: str, number: signal.Signals
) -> None:
    arguments, ready = COMMANDS[command]
    with program(arguments, environment) as running:
        running.wait_for(ready)
        running.send(number)
        status, log = running.end()
    assert status == 0
    assert "Traceback" not in log
    assert "ERROR" not in log


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_the_local_service_takes_leave_of_its_clients(
    environment: dict[str, str], number: signal.Signals
) -> None:
    arguments, ready = COMMANDS["local-service"]
    with program(arguments, environment) as running:
        url = running.wait_for(ready).split()[-1]
        client = websocket.create_connection(
            f"{url}?sample_rate=16000&speech_model=any",
            header={"Authorization": "any key"},
            timeout=60,
        )
        assert '"Begin"' in client.recv()
        running.send(number)
        opcode, payload = client.recv_data()
        client.close()
        status, log = running.end()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(payload[:2], "big") == SERVICE_RESTART
    assert status == 0
    assert "ERROR" not in log


@pytest.mark.slow
@pytest.mark.parametrize("command", ["local-service", "token-server"])
def test_a_closed_terminal_ends_no_server_under_nohup(
    environment: dict[str, str], command: str
) -> None:
    arguments, ready = COMMANDS[command]
    with program(arguments, environment, "nohup") as running:
        running.wait_for(ready)
        assert running.ignores(signal.SIGHUP)
