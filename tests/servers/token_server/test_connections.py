import contextlib
import functools
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import requests

from appliance.servers.token_server import connections
from appliance.servers.token_server.log_limits import LogLimiter
from appliance.servers.token_server.server import TokenServer
from tests.rig.certificates import self_signed
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.servers.token_server.token_servers import options

GOOD = b"GET /token HTTP/1.1\r\nHost: localhost\r\n\r\n"


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


@pytest.fixture
def three_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    few = functools.partial(connections.BoundedListener, at_once=3)
    monkeypatch.setattr("appliance.servers.token_server.server.BoundedListener", few)


@pytest.mark.usefixtures("three_at_once")
@pytest.mark.parametrize("sent", [b"", b"GET /token HTTP/1.1\r\nHost: localhost\r\n"])
def test_who_asks_is_served_though_others_who_ask_nothing_hold_all_places(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        idle = [opened(server, sent) for _ in range(9)]
        for _ in range(6):
            assert requests.get(server.url, timeout=20).ok
        close(idle)
    told = "3 connections are open; 3 from 127.0.0.1 asked nothing, the oldest of these was closed"
    assert caplog.text.count(told) == 1
    assert "asyncio" not in {record.name for record in caplog.records}


@pytest.mark.usefixtures("three_at_once")
def test_tls_that_is_never_begun_takes_nobodys_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trusted = self_signed(tmp_path).file
    protected = {"certificate": trusted, "key": tmp_path / "key.pem"}
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor, **protected)) as server,
    ):
        idle = [opened(server) for _ in range(9)]
        assert requests.get(server.url, timeout=20, verify=str(trusted)).ok
        close(idle)
    assert "asyncio" not in {record.name for record in caplog.records}


@pytest.mark.usefixtures("three_at_once")
def test_the_oldest_gives_way(tmp_path: Path) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        oldest, *others = [opened(server) for _ in range(3)]
        assert requests.get(server.url, timeout=20).ok
        assert_ended(oldest)
        for other in others:
            other.sendall(GOOD)
            assert other.recv(1000).startswith(b"HTTP/1.1 200 ")
        close([oldest, *others])


@pytest.mark.usefixtures("three_at_once")
def test_an_address_that_holds_most_places_takes_them_from_itself_alone(tmp_path: Path) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        slow = opened(server, host="127.0.0.2")
        idle = [opened(server) for _ in range(9)]
        assert requests.get(server.url, timeout=20).ok
        slow.sendall(GOOD)
        assert slow.recv(1000).startswith(b"HTTP/1.1 200 ")
        close([slow, *idle])


@pytest.mark.usefixtures("three_at_once")
def test_who_waits_for_an_answer_keeps_the_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        vendor.token_delay = 2
        waiting = []
        for _ in range(3):
            waiting.append(opened(server, GOOD))
            wait_until(lambda: answering() == len(waiting))
        for _ in range(3):
            beyond = opened(server)
            assert_ended(beyond)
            beyond.close()
        for sock in waiting:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        close(waiting)
        assert requests.get(server.url, timeout=20).ok
    assert caplog.text.count("3 connections are open; one from 127.0.0.1 was too many") == 1
    assert "asyncio" not in {record.name for record in caplog.records}


@pytest.mark.slow
def test_one_address_that_floods_keeps_no_other_from_a_token(tmp_path: Path) -> None:
    ended = threading.Event()
    held = []

    def flood() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                held.append(opened(server, host="127.0.0.3"))
            del held[: -2 * connections.AT_ONCE]

    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        thread = threading.Thread(target=flood, name="flood")
        thread.start()
        wait_until(lambda: len(held) > connections.AT_ONCE)
        try:
            assert all(requests.get(server.url, timeout=20).ok for _ in range(20))
        finally:
            ended.set()
            thread.join()
            close(held)


def listener_for(at_once: int, clock: Callable[[], float]) -> connections.BoundedListener:
    listening = socket.create_server(("127.0.0.1", 0), backlog=100)
    return connections.BoundedListener(listening, LogLimiter(lambda *_: None), at_once, clock)


def test_no_more_are_taken_until_the_event_loop_has_closed_some() -> None:
    taken = []
    with listener_for(3, itertools.count().__next__) as listener:
        address = listener.getsockname()
        listener.settimeout(20)
        come = [socket.create_connection(address, timeout=20) for _ in range(50)]
        taken += [listener.accept()[0] for _ in range(3 + connections.ENDING)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert_ended(come[0])
        taken[0].close()
        taken.append(listener.accept()[0])
    close([*come, *taken])


def test_nobody_gives_way_before_there_was_time_to_hear_a_request() -> None:
    now = [0.0]
    taken = []
    with listener_for(2, lambda: now[-1]) as listener:
        listener.settimeout(20)
        come = [socket.create_connection(listener.getsockname(), timeout=20) for _ in range(3)]
        taken += [listener.accept()[0] for _ in range(2)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        now.append(connections.GRACE)
        taken.append(listener.accept()[0])
        assert_ended(come[0])
    close([*come, *taken])


def test_one_that_has_gone_by_itself_gives_way_too() -> None:
    taken = []
    with listener_for(1, itertools.count().__next__) as listener:
        address = listener.getsockname()
        listener.settimeout(20)
        with socket.create_connection(address, timeout=20) as gone:
            taken.append(listener.accept()[0])
            # Closed without a goodbye: with RST.
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with pytest.raises(ConnectionError):
            taken[0].recv(1)
        with socket.create_connection(address, timeout=20):
            taken.append(listener.accept()[0])
    close(taken)


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


def opened(server: TokenServer, sent: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
    """Return a connection to the server, from an address of this machine."""
    port = int(server.url.split(":")[2].partition("/")[0])
    connection = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(host, 0))
    connection.sendall(sent)
    return connection


def assert_ended(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def answering() -> int:
    """Return how many connections wait for an answer."""
    return sum(connection.is_answering for connection in list(connections._connections.values()))
