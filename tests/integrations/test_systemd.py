import logging
import socket
from pathlib import Path

import pytest

from appliance.integrations.systemd import notify


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


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_a_systemd_that_does_not_listen_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with caplog.at_level(logging.WARNING):
        notify("READY=1")
    assert "READY=1" in caplog.text
