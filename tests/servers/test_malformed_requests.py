"""What no client of HTTP or WebSocket would send costs a server neither its life nor its log."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.servers.local_service.server import LocalService
from appliance.servers.token_server.server import TokenServer
from tests.rig.service import ScriptedService
from tests.servers.local_service.doubles import DeafEngine
from tests.servers.local_service.test_flood import HANDSHAKE
from tests.servers.test_connections import opened
from tests.servers.token_server.token_servers import options, register

CHUNKED = b"GET %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
TAILS = [
    b"zz\r\n",
    b"5\r\nabcdezz\r\n",
    b"5\r\nabcde\r\nzz\r\n",
    b"5\r\nabcde\r\n0\r\nbad header\r\n\r\n",
    b"0\r\n\r\ngarbage\r\n\r\n",
    b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"F" * 5000,
]
REQUESTS = [
    b"garbage\r\n\r\n",
    b"GET /token HTTP/1.1\r\n\r\n",
    b"GET /token HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v3/ws?%ff=%00&token=\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET /token HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\xfe\r\nOrigin: \xff\r\n\r\n",
    b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"GET /token HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n",
    b"GET /v3/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"X" * 100_000,
    HANDSHAKE + b"\xff" * 200,
    HANDSHAKE + b"\x81\x05hello",
    HANDSHAKE + b"\x89\xff" + b"\xff" * 100,
    HANDSHAKE + b"\x82\xff" + b"\x7f" * 8 + b"1234",
    HANDSHAKE.replace(b"localhost", b"a b") + b"x",
    HANDSHAKE.replace(b"token=guessed", b"token=%ff%fe&vad_threshold=nan"),
    *[CHUNKED % path + tail for path in (b"/token", b"/healthz", b"/x") for tail in TAILS],
]


@pytest.fixture(scope="module", params=["token server", "local service"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "local service":
        with LocalService(engine=DeafEngine()) as service:
            yield service.token_url
        return
    folder: Path = tmp_path_factory.mktemp("tokens")
    register(folder).add("kitchen")
    with ScriptedService() as vendor, TokenServer(options(folder, vendor)) as server:
        yield server.url


def send(url: str, pieces: list[bytes]) -> None:
    """Send pieces, and read until the server closes or has nothing more to say."""
    with opened(url) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        except OSError:
            pass  # the server has closed, which is its right


@pytest.mark.parametrize("split", [0, 1, -3])
def test_a_malformed_request_takes_no_stack_trace(
    url: str, split: int, caplog: pytest.LogCaptureFixture
) -> None:
    for request in REQUESTS:
        at = split if split < 1 else request.find(b"\r\n\r\n") + 4
        send(url, [request[:at], request[at:]])
    assert_unharmed(url, caplog)


@given(
    st.sampled_from([b"", CHUNKED % b"/token", HANDSHAKE]),
    st.lists(st.binary(max_size=50) | st.sampled_from(TAILS), max_size=4),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_take_no_stack_trace(
    url: str, caplog: pytest.LogCaptureFixture, head: bytes, pieces: list[bytes]
) -> None:
    send(url, [head, *pieces])
    assert_unharmed(url, caplog)


def assert_unharmed(url: str, caplog: pytest.LogCaptureFixture) -> None:
    assert requests.get(url, timeout=20).status_code in (200, 401)
    assert not [record for record in caplog.records if record.exc_info]
    assert not {record.name.partition(".")[0] for record in caplog.records} & {"uvicorn", "asyncio"}
