"""Bounded socket of a connection: how much a peer may send until it has said something.

The WebSocket library takes a frame, fragments, a header and the body of a refusal of any length.
"""

import re
import socket
from typing import Any

from appliance.core.json_decoder import MAX_SIZE
from appliance.core.network_errors import TooMuchError

MAX_HANDSHAKE = 64 * 1024
"""Bytes of the answer to a handshake, with the body of a refusal."""

MAX_MESSAGE = MAX_SIZE
"""Bytes of a message, with its frames' headers."""

MIN_PIECE = 16
"""Bytes that each piece counts as, at least: fragments may be empty, and cost time all the same."""

_BEGINNING = 64
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")


class BoundedSocket:
    """A connected socket that gives up a peer which sends more than it may.

    It is used in place of the socket, of which it has all methods. First it takes an answer to a
    handshake. Its owner calls `expect_message` after that, and after each message.

        >>> ours, theirs = socket.socketpair()
        >>> bounded = BoundedSocket(ours, at_first=4)
        >>> theirs.send(b"endless")
        7
        >>> bounded.recv(100)
        b'endl'
        >>> bounded.recv(100)
        Traceback (most recent call last):
            ...
        appliance.core.network_errors.TooMuchError: the peer sends too much
        >>> ours.close(); theirs.close()

    Args:
        sock: the socket.
        at_first: bytes that the answer to the handshake may have.
    """

    def __init__(self, sock: socket.socket, at_first: int = MAX_HANDSHAKE) -> None:
        self._sock = sock
        self._left = at_first
        self._min_piece = 1  # the library reads a handshake byte by byte
        self._beginning = bytearray()
        self._is_closed = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all that a socket has
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        """Return what the peer sent; nothing at the end.

        Raises:
            TooMuchError: it sent too much.
            OSError: the socket failed.
        """
        if self._is_closed:
            return b""
        if self._left <= 0:
            raise TooMuchError("the peer sends too much")
        data = self._sock.recv(min(size, self._left))
        self._left -= max(len(data), self._min_piece)
        if len(self._beginning) < _BEGINNING:
            self._beginning += data[:_BEGINNING]
        return data

    def expect_message(self) -> None:
        """Note that what came so far is done with."""
        self._left, self._min_piece = MAX_MESSAGE, MIN_PIECE

    def pass_over(self, control_frame: bytes) -> None:
        """Note a frame of a ping or pong, which may come within a message."""
        pieces = [2, len(control_frame)] if control_frame else [2]
        self._left += sum(max(piece, MIN_PIECE) for piece in pieces)

    def shutdown(self, how: int) -> None:
        """End both directions; what the kernel has received already is left there."""
        self._is_closed = True
        self._sock.shutdown(how)

    @property
    def http_status(self) -> int | None:
        """The status in the answer to the handshake, if there is one."""
        match = _STATUS_LINE.match(self._beginning)
        return int(match[1]) if match else None
