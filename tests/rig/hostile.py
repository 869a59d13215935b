"""Hostile WebSocket peers on the loopback: each sends more than a client may take."""

import base64
import contextlib
import hashlib
import itertools
import json
import re
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator

from tests.rig.listener import ListeningPeer

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ZEROS = bytes(65_536)

TEXT, CONTINUED, PING, PONG = 0x1, 0x0, 0x9, 0xA
FINAL, COMPRESSED = 0x80, 0x40


def frame(first: int, payload: bytes, length: int | None = None) -> bytes:
    """Return a frame of a server, or the beginning of one that is to have this length."""
    size = len(payload) if length is None else length
    if size < 126:
        return bytes([first, size]) + payload
    if size < 65_536:
        return bytes([first, 126]) + struct.pack("!H", size) + payload
    return bytes([first, 127]) + struct.pack("!Q", size) + payload


def one_huge_frame() -> Iterator[bytes]:
    """Announce a message of 1 GiB, and send it."""
    yield frame(FINAL | TEXT, b"", 1 << 30)
    for _ in range((1 << 30) // len(ZEROS)):
        yield ZEROS


def endless_fragments() -> Iterator[bytes]:
    """Begin a message that never ends."""
    yield frame(TEXT, b"{")
    while True:
        yield frame(CONTINUED, ZEROS[:60_000])


def fragments_between_pings() -> Iterator[bytes]:
    """Begin a message that never ends, with pings and pongs within it."""
    yield frame(TEXT, b"{")
    while True:
        yield frame(FINAL | PING, b"x" * 125) + frame(CONTINUED, ZEROS[:60_000])
        yield frame(FINAL | PONG, b"x" * 125)


def empty_fragments() -> Iterator[bytes]:
    """Begin a message that never ends, and never grows."""
    yield frame(TEXT, b"{")
    while True:
        yield frame(CONTINUED, b"") * 30_000


def compressed_message() -> Iterator[bytes]:
    """Send a compressed message that nobody asked for: 64 MiB in 64 KiB."""
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = b"".join(deflated.compress(ZEROS) for _ in range(1024)) + deflated.flush()
    yield frame(FINAL | COMPRESSED | TEXT, payload)


def huge_pong() -> Iterator[bytes]:
    """Answer a ping that was never sent, with 1 GiB."""
    yield frame(FINAL | PONG, b"", 1 << 30)
    while True:
        yield ZEROS


def flood_of_pings() -> Iterator[bytes]:
    """Ping as fast as the network takes it."""
    while True:
        yield frame(FINAL | PING, b"") * 1000


def flood_of_messages() -> Iterator[bytes]:
    """Send small messages as fast as the network takes them."""
    while True:
        yield frame(FINAL | TEXT, b'{"type":"Nothing"}') * 1000


def flood_of_turns() -> Iterator[bytes]:
    """Send turn after turn as fast as the network takes them."""
    for number in itertools.count():
        said = {"transcript": "so", "end_of_turn": number % 2 == 0}
        turn = json.dumps({"type": "Turn", "turn_order": number, **said}).encode()
        yield frame(FINAL | TEXT, turn)


def flood_of_long_turns() -> Iterator[bytes]:
    """Send turns of a quarter of a million words as fast as the network takes them."""
    for number in itertools.count():
        said = {"transcript": "so " * 250_000, "end_of_turn": True}
        turn = json.dumps({"type": "Turn", "turn_order": number, **said}).encode()
        yield frame(FINAL | TEXT, turn)


MESSAGES = {
    scenario.__name__: scenario
    for scenario in (
        one_huge_frame,
        endless_fragments,
        fragments_between_pings,
        huge_pong,
    )
}
"""Messages of too many bytes, sent after the handshake."""

SENDING = MESSAGES | {
    scenario.__name__: scenario
    for scenario in (
        empty_fragments,
        flood_of_pings,
        flood_of_messages,
        flood_of_turns,
        flood_of_long_turns,
    )
}
"""All that is sent after the handshake, and never ends."""


def endless_line(status: str) -> Iterator[bytes]:
    """Answer with a header that never ends."""
    yield f"HTTP/1.1 {status}\r\nX-Header: ".encode()
    while True:
        yield b"x" * 1000


def endless_headers(status: str) -> Iterator[bytes]:
    """Answer with headers that never end."""
    yield f"HTTP/1.1 {status}\r\n".encode()
    while True:
        yield b"X-Header: x\r\n" * 100


def huge_body(status: str) -> Iterator[bytes]:
    """Answer with a body of 1 GiB."""
    yield f"HTTP/1.1 {status}\r\nContent-Length: {1 << 30}\r\n\r\n".encode()
    while True:
        yield ZEROS


def no_http(_: str) -> Iterator[bytes]:
    """Send what is no answer at all."""
    while True:
        yield ZEROS


HANDSHAKES = {it.__name__: it for it in (endless_line, endless_headers, huge_body, no_http)}
"""What is sent in place of an answer to the handshake, and never ends."""


class HostilePeer(ListeningPeer):
    """Sends what a scenario yields on each connection, for as long as the client takes it.

    Args:
        before: what it answers to the handshake; None for an answer that is right.
        after: what it sends then.
        tls: makes it wss.
    """

    name = "hostile"

    def __init__(
        self,
        before: Callable[[], Iterator[bytes]] | None = None,
        after: Callable[[], Iterator[bytes]] = lambda: iter(()),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._before = before
        self._after = after
        self._tls = tls
        self.sent = 0
        self.requests: list[str] = []
        self.sending = threading.Event()
        """Whether anything was sent after the handshake."""

    @property
    def url(self) -> str:
        """Its WebSocket endpoint."""
        return f"{'wss' if self._tls else 'ws'}://{self.address}/v3/ws"

    def serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            with client:
                client.settimeout(30.0)  # a client that takes no more is done
                request = b""
                while b"\r\n\r\n" not in request:
                    if not (piece := client.recv(4096)):
                        return
                    request += piece
                self.requests.append(request.decode())
                for piece in self._before() if self._before else self._accepted(request):
                    client.sendall(piece)
                self.sending.set()
                for piece in self._after():
                    client.sendall(piece)
                    self.sent += len(piece)
                while client.recv(4096):
                    """Take what the client still has to say."""

    def _accepted(self, request: bytes) -> Iterator[bytes]:
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
        assert key
        accept = base64.b64encode(hashlib.sha1(key[1] + MAGIC, usedforsecurity=False).digest())
        yield (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
