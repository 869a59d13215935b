import contextlib
import email.utils
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.maintenance.doctor.checks import clock
from appliance.maintenance.doctor.checks.network import Peer
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.settings.schema import ServiceSettings
from tests.rig.certificates import self_signed


class Web(BaseHTTPRequestHandler):
    """Answers with the time, as every web server does."""

    tells_time = True

    def do_HEAD(self) -> None:
        self.send_response_only(404)
        if self.server.tells_time:  # type: ignore[attr-defined]
            self.send_header("Date", self.date_time_string())
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def web(folder: Path | None = None, *, tells_time: bool = True) -> Iterator[Peer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.tells_time = tells_time  # type: ignore[attr-defined]
    if folder:
        server.socket = self_signed(folder).context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        scheme = "wss" if folder else "ws"
        yield peer_at(f"{scheme}://127.0.0.1:{server.server_port}/v3/ws")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def peer_at(url: str) -> Peer:
    return Peer.service(ServiceSettings(url=url))


def checked(peer: Peer, *, off: float = 0.0, is_set: bool = True) -> CheckResult:
    return clock.check_clock(peer, wall_clock=lambda: time.time() + off, is_set=lambda: is_set)


def test_a_clock_that_agrees_is_fine() -> None:
    with web() as peer:
        found = checked(peer)
    assert found.result is Result.FINE
    assert "set from the network" in found.found


@pytest.mark.parametrize(
    ("off", "difference"),
    [
        (-3 * 86_400.0, "3 days behind 127.0.0.1"),
        (7260.0, "2 hours ahead of 127.0.0.1"),
        (-300.0, "5 minutes behind 127.0.0.1"),
    ],
)
def test_a_clock_that_is_off_is_reported_in_the_words_of_the_oled(
    off: float, difference: str
) -> None:
    with web() as peer:
        found = checked(peer, off=off, is_set=False)
    assert found.result is Result.FAILED
    assert found.found.startswith(f"Clock is not set ({difference}")
    assert "NTP" in found.remedy


def test_a_clock_that_is_right_needs_not_be_set_from_the_network() -> None:
    with web() as peer:
        found = checked(peer, is_set=False)
    assert found.result is Result.FINE
    assert "not set from the network since the start" in found.found


def test_the_time_is_taken_from_a_peer_whose_certificate_the_clock_would_not_accept(
    tmp_path: Path,
) -> None:
    with web(tmp_path) as peer:
        assert checked(peer).found.startswith("within ")
        assert checked(peer, off=-86_400 * 400).result is Result.FAILED


def test_where_no_peer_sends_the_time_only_what_the_system_knows_is_reported() -> None:
    with web(tells_time=False) as peer:
        assert checked(peer).result is Result.FINE
        assert checked(peer, is_set=False).result is Result.WARNING


def test_a_peer_that_is_away_is_reported_by_another_check() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        peer = peer_at(f"wss://127.0.0.1:{reserved.getsockname()[1]}/v3/ws")
        assert checked(peer).result is Result.FINE


def test_an_invalid_date_is_ignored() -> None:
    with pytest.raises(ValueError, match="date"):
        email.utils.parsedate_to_datetime("yesterday")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(b"HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        found = checked(peer_at(f"ws://127.0.0.1:{server.getsockname()[1]}/v3/ws"))
        thread.join()
    assert "does not tell the time" in found.found
