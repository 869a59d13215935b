import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.system.systemd import Watchdog, notify
from tests.rig.clock import Clock


def listening(address: str) -> socket.socket:
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(address)
    receiver.settimeout(20)
    return receiver


def test_lines_arrive_as_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with listening(path) as receiver:
        notify("READY=1", "STATUS=Ready: press to talk")
        assert receiver.recv(4096) == b"READY=1\nSTATUS=Ready: press to talk"


def test_a_socket_without_a_file_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"appliance-test-{tmp_path.name}-{id(tmp_path)}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with listening(f"\0{name}") as receiver:
        notify("STOPPING=1")
        assert receiver.recv(4096) == b"STOPPING=1"


def test_without_systemd_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_a_systemd_that_does_not_listen_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with caplog.at_level(logging.WARNING):
        notify("READY=1")
    assert "READY=1" in caplog.text


def test_a_systemd_that_is_busy_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with listening(path), caplog.at_level(logging.WARNING):
        for _ in range(10_000):
            notify("STATUS=" + "x" * 1000)
            if caplog.text:
                break
    assert "can't send" in caplog.text


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with listening(path) as opened:
        yield opened


def test_keep_alives_are_sent_at_a_quarter_of_systemds_limit(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    clock = Clock(100.0)
    watchdog = Watchdog(clock)
    watchdog.feed()
    assert receiver.recv(100) == b"WATCHDOG=1"
    clock.now += 4.0
    watchdog.feed()
    clock.now += 1.0
    watchdog.feed()
    assert receiver.recv(100) == b"WATCHDOG=1"
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(100)


@pytest.mark.parametrize("environment", [{}, {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}])
def test_without_a_watch_on_this_process_nothing_is_reported(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    Watchdog(Clock(100.0)).feed()
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(100)
