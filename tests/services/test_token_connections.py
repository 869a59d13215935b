import functools
import socket
from pathlib import Path

import pytest
import requests

from appliance.services.tokens import connections
from appliance.services.tokens.server import TokenServer
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.services.token_servers import options


@pytest.mark.parametrize("sent", [b"", b"GET /token HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_on_which_nobody_asks_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "ASKED_WITHIN", 0.1)
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        port = int(server.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(sent)
            assert sock.recv(100) == b""
    assert vendor.token_requests == []


def test_who_has_asked_may_wait_longer_for_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ASKED_WITHIN", 0.1)
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        vendor.token_delay = 0.5
        answer = requests.get(server.url, timeout=20)
    assert answer.json()["token"]
    assert answer.headers["Connection"] == "close"


def test_of_too_many_connections_those_beyond_are_closed_and_the_others_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    few = functools.partial(connections.BoundedListener, at_once=3)
    monkeypatch.setattr("appliance.services.tokens.server.BoundedListener", few)
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        address = ("127.0.0.1", int(server.url.split(":")[2].partition("/")[0]))
        idle = [socket.create_connection(address, timeout=20) for _ in range(3)]
        for _ in range(3):
            with socket.create_connection(address, timeout=20) as beyond:
                assert beyond.recv(1) == b""
        idle.pop().close()
        wait_until(lambda: _is_served(server))
        for connection in idle:
            connection.close()
    assert caplog.text.count("3 connections are open; one from 127.0.0.1 was too many") == 1
    assert "asyncio" not in {record.name for record in caplog.records}


def test_what_is_no_request_takes_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        address = ("127.0.0.1", int(server.url.split(":")[2].partition("/")[0]))
        with socket.create_connection(address, timeout=20) as garbage:
            garbage.sendall(b"garbage\r\n\r\n")
            assert garbage.recv(1000).startswith(b"HTTP/1.1 400 ")
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert requests.get(server.url, headers=upgrade, timeout=20).ok
    names = {record.name.partition(".")[0] for record in caplog.records}
    assert not names & {"uvicorn", "asyncio"}


def _is_served(server: TokenServer) -> bool:
    try:
        return requests.get(server.url, timeout=20).ok
    except requests.ConnectionError:
        return False
