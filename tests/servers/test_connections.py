import contextlib
import itertools
import resource
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from appliance.servers import connections
from appliance.servers.local_service.server import LocalService
from appliance.servers.log_limits import LogLimiter
from appliance.servers.token_server.server import TokenServer
from tests.rig.certificates import self_signed
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.servers.local_service.doubles import DeafEngine
from tests.servers.token_server.token_servers import HeldVendor, options

GOOD = b"GET /token HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET /token HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_without_a_request_is_closed(tmp_path: Path, sent: bytes) -> None:
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor), request_timeout=0.1) as server,
    ):
        port = int(server.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(sent)
            assert sock.recv(100) == b""
    assert vendor.token_requests == []


def test_an_answer_may_take_longer_than_a_request(tmp_path: Path) -> None:
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor), request_timeout=0.5) as server,
    ):
        vendor.token_delay = 0.7
        answer = requests.get(server.url, timeout=20)
    assert answer.json()["token"]
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("sent", [b"", b"GET /token HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_request_is_served_although_idle_connections_fill_the_limit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor), max_connections=3) as server,
    ):
        idle = [opened(server.url, sent) for _ in range(9)]
        for _ in range(6):
            assert requests.get(server.url, timeout=20).ok
        close(idle)
    logged = "3 connections are open; 3 from 127.0.0.1 are idle, the oldest of these was closed"
    assert caplog.text.count(logged) == 1
    assert "asyncio" not in {record.name for record in caplog.records}


def test_connections_without_a_tls_handshake_are_evicted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trusted = self_signed(tmp_path).file
    protected = {"certificate": trusted, "key": tmp_path / "key.pem"}
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor, **protected), max_connections=3) as server,
    ):
        idle = [opened(server.url) for _ in range(9)]
        assert requests.get(server.url, timeout=20, verify=str(trusted)).ok
        close(idle)
    assert "asyncio" not in {record.name for record in caplog.records}


def test_the_oldest_idle_connection_is_evicted(tmp_path: Path) -> None:
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor), max_connections=3) as server,
    ):
        oldest, *others = [opened(server.url) for _ in range(3)]
        assert requests.get(server.url, timeout=20).ok
        assert_ended(oldest)
        for other in others:
            other.sendall(GOOD)
            assert other.recv(1000).startswith(b"HTTP/1.1 200 ")
        close([oldest, *others])


def test_the_address_with_most_idle_connections_loses_one(tmp_path: Path) -> None:
    with (
        ScriptedService() as vendor,
        TokenServer(options(tmp_path, vendor), max_connections=3) as server,
    ):
        slow = opened(server.url, host="127.0.0.2")
        idle = [opened(server.url) for _ in range(9)]
        assert requests.get(server.url, timeout=20).ok
        slow.sendall(GOOD)
        assert slow.recv(1000).startswith(b"HTTP/1.1 200 ")
        close([slow, *idle])


def test_a_connection_that_waits_for_an_answer_is_not_evicted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        ScriptedService() as vendor,
        HeldVendor() as held,
        TokenServer(options(tmp_path, vendor, service_url=held.url), max_connections=3) as server,
    ):
        waiting = [opened(server.url, GOOD) for _ in range(3)]
        wait_until(lambda: held.requests == 3)
        for _ in range(3):
            beyond = opened(server.url)
            assert_ended(beyond)
            beyond.close()
        held.answer.set()
        for sock in waiting:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        close(waiting)
        assert requests.get(server.url, timeout=20).ok
    assert caplog.text.count("3 connections are open; one more from 127.0.0.1 was refused") == 1
    assert "asyncio" not in {record.name for record in caplog.records}


@pytest.mark.slow
def test_a_flood_from_one_address_does_not_shut_out_others(tmp_path: Path) -> None:
    ended = threading.Event()
    held = []

    def flood() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                held.append(opened(server.url, host="127.0.0.3"))
            del held[: -2 * connections.MAX_CONNECTIONS]

    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        thread = threading.Thread(target=flood, name="flood")
        thread.start()
        wait_until(lambda: len(held) > connections.MAX_CONNECTIONS)
        try:
            assert all(requests.get(server.url, timeout=20).ok for _ in range(20))
        finally:
            ended.set()
            thread.join()
            close(held)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1:2:3", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("no address", "no address"),
    ],
)
def test_an_ipv6_network_of_64_bits_counts_as_one(host: str, network: str) -> None:
    assert connections.network_of(host) == network


@pytest.mark.parametrize(
    ("soft", "limit"), [(1024, 500), (256, 128), (resource.RLIM_INFINITY, 500)]
)
def test_connections_leave_descriptors_for_the_rest(
    monkeypatch: pytest.MonkeyPatch, soft: int, limit: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert connections.connection_limit() == limit


def test_a_second_request_must_arrive_in_time_too() -> None:
    with LocalService(engine=DeafEngine(), request_timeout=0.3) as service:
        address = ("127.0.0.1", urlsplit(service.token_url).port)
        with socket.create_connection(address, timeout=20) as sock:
            sock.sendall(GOOD)
            answer = b""
            while not answer.endswith(b"}"):
                answer += sock.recv(1000)
            sock.sendall(GOOD[:-2])
            assert_ended(sock)


def listener_for(max_connections: int, clock: Callable[[], float]) -> connections.BoundedListener:
    listening = socket.create_server(("127.0.0.1", 0), backlog=100)
    quiet = LogLimiter(lambda *_: None)
    return connections.BoundedListener(listening, quiet, max_connections, clock)


def test_no_more_are_accepted_until_the_event_loop_has_closed_some() -> None:
    taken = []
    with listener_for(3, itertools.count().__next__) as listener:
        address = listener.getsockname()
        listener.settimeout(20)
        come = [socket.create_connection(address, timeout=20) for _ in range(50)]
        taken += [listener.accept()[0] for _ in range(3 + connections.MAX_CLOSING)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert_ended(come[0])
        taken[0].close()
        taken.append(listener.accept()[0])
    close([*come, *taken])


def test_no_connection_is_evicted_before_its_request_could_be_read() -> None:
    now = [0.0]
    taken = []
    with listener_for(2, lambda: now[-1]) as listener:
        listener.settimeout(20)
        come = [socket.create_connection(listener.getsockname(), timeout=20) for _ in range(3)]
        taken += [listener.accept()[0] for _ in range(2)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        now.append(connections.MIN_AGE)
        taken.append(listener.accept()[0])
        assert_ended(come[0])
    close([*come, *taken])


def test_a_connection_that_its_client_reset_is_evicted() -> None:
    taken = []
    with listener_for(1, itertools.count().__next__) as listener:
        address = listener.getsockname()
        listener.settimeout(20)
        with socket.create_connection(address, timeout=20) as gone:
            taken.append(listener.accept()[0])
            # Closing sends RST instead of FIN.
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with pytest.raises(ConnectionError):
            taken[0].recv(1)
        with socket.create_connection(address, timeout=20):
            taken.append(listener.accept()[0])
    close(taken)


def test_a_malformed_request_is_not_logged(
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


def opened(url: str, sent: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
    """Return a connection to the server at a URL from this address."""
    port = urlsplit(url).port
    connection = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(host, 0))
    connection.sendall(sent)
    return connection


def assert_ended(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
