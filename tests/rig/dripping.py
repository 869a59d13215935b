"""Peer on the loopback that answers a byte at a time."""

import contextlib
import socket
import threading
from types import TracebackType

from tests.rig.listener import ListeningPeer

STAGES = {
    "nothing": b"",
    "status line": b"HTTP/1.1 200 OK",
    "headers": b"HTTP/1.1 200 OK\r\nX-Header: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
    "body of a refusal": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99999\r\n\r\n",
    "TLS": b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03",
}
"""Bytes sent at once, by the stage at which the dripping begins."""


class DrippingPeer(ListeningPeer):
    """Says `at_once` on each connection, and then a byte every `interval` seconds, for ever."""

    name = "dripping"

    def __init__(self, at_once: bytes, interval: float = 0.05) -> None:
        self._at_once = at_once
        self._interval = interval
        self.connected = threading.Event()
        self.released = threading.Event()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.released.set()
        super().__exit__(kind, error, traceback)

    def serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.sendall(self._at_once)
            self.connected.set()
            while not self.released.wait(self._interval):
                client.sendall(b"1")
