"""Connections without a session, in numbers."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from appliance.servers.local_service.server import LocalService
from tests.rig.waiting import wait_until
from tests.servers.local_service.client import Client, transcript
from tests.servers.local_service.doubles import DeafEngine
from tests.servers.test_connections import close, opened

HANDSHAKE = (
    b"GET /v3/ws?token=guessed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def small() -> Iterator[LocalService]:
    with LocalService(engine=DeafEngine(), max_connections=4) as service:
        yield service


@pytest.mark.parametrize("sent", [b"", HANDSHAKE[:-2], HANDSHAKE], ids=["", "half", "whole"])
def test_idle_connections_shut_nobody_out(small: LocalService, sent: bytes) -> None:
    idle = [opened(small.token_url, sent) for _ in range(12)]
    for _ in range(6):
        assert requests.get(small.token_url, timeout=20).ok
    close(idle)


def test_a_session_outlives_a_flood(small: LocalService) -> None:
    client = Client(small)
    assert client.next()["type"] == "Begin"
    idle = [opened(small.token_url, HANDSHAKE) for _ in range(12)]
    assert requests.get(small.token_url, timeout=20).ok
    client.audio(bytes(3200))
    assert [message["type"] for message in client.terminated()] == ["Termination"]
    close(idle)


def test_strangers_take_one_log_line_of_each_kind(
    small: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10):
        Client(small, token="guessed").rest()
    assert caplog.text.count("session refused: 1008") == 1


@pytest.mark.slow
def test_1500_idle_connections_and_1024_descriptors(tmp_path: Path, sample: bytes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("needs 4,096 file descriptors")
    program = (
        "import logging, resource; from appliance.servers.local_service.server import serve; "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)); "
        "logging.basicConfig(level=logging.INFO); serve(port=0)"
    )
    log = tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen([sys.executable, "-c", program], stderr=stderr) as process,
    ):
        try:
            wait_until(lambda: "local service at" in log.read_text())
            address = log.read_text().partition("ws://")[2].partition("/v3")[0]
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
            idle = [opened(f"http://{address}/token") for _ in range(1500)]
            service = Address(address)
            client = Client(service)
            client.audio(sample[: 3000 * 32])
            assert "press the button" in transcript(client.terminated())
            close(idle)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            process.terminate()
        assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()
    assert len(log.read_text().splitlines()) < 20


class Address:
    """The URLs of a service in another process."""

    def __init__(self, address: str) -> None:
        self.url = f"ws://{address}/v3/ws"
        self.token_url = f"http://{address}/token"
