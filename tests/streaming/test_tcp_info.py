import contextlib
import socket
from collections.abc import Iterator

import pytest

from appliance.streaming import tcp_info
from tests.rig.waiting import wait_until


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection on the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as stack:
        near = stack.enter_context(socket.create_connection(listening.getsockname()))
        far = stack.enter_context(listening.accept()[0])
        yield near, far


class Short(socket.socket):
    """A socket on a kernel that knows less than `bytes_acked`."""

    def getsockopt(self, *_: int) -> bytes:  # type: ignore[override]
        return bytes(104)


def test_acknowledged_bytes_are_counted(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _far = pair
    before = tcp_info.acknowledged(near)
    assert before is not None
    near.sendall(bytes(1000))
    wait_until(lambda: tcp_info.acknowledged(near) == before + 1000)
    assert tcp_info.unacknowledged(near) == 0


def test_bytes_on_their_way_are_counted(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _far = pair
    near.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:  # until the peer's kernel takes no more
            near.send(bytes(65_536))
    assert tcp_info.unacknowledged(near) > 0


def test_a_short_answer_of_the_kernel_is_unknown() -> None:
    with Short() as sock:
        assert tcp_info.acknowledged(sock) is None


def test_a_socket_that_is_closed_or_missing_is_unknown() -> None:
    closed = socket.socket()
    closed.close()
    for sock in (closed, None):
        assert tcp_info.acknowledged(sock) is None
        assert tcp_info.unacknowledged(sock) == 0
