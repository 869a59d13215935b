"""Server's end of one socket: an HTTP request, then perhaps WebSocket frames.

The WebSocket rules come from the I/O-free core of `websockets`. Only this module reads and writes
the socket, so a service misbehaves at any point simply by not calling something.
"""

import contextlib
import json
import socket
import threading
import time
from http import HTTPStatus
from typing import Any

from websockets.exceptions import InvalidState
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.rig import packets

SEND_TIMEOUT = 10.0
CLOSE_TIMEOUT = 1.0
TICK = 0.02


class Wire:
    """One accepted socket. It belongs to one thread.

    Whatever reads or writes raises an OSError when the client is gone.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._protocol = ServerProtocol(max_size=None)
        self._opcode = Opcode.TEXT
        self._fragments = b""

    @property
    def close_received(self) -> Close | None:
        """The client's close frame, once it came."""
        return self._protocol.close_rcvd

    def read_request(self, within: float, stopping: threading.Event) -> Request | None:
        """Return the HTTP request, or None when none came within so many seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and not stopping.is_set():
            received = self._receive(TICK)
            for event in self._protocol.events_received():
                assert isinstance(event, Request), "frames come after the handshake"
                return event
            if not received:
                break
        return None

    def answer(self, status: int, body: str | dict[str, Any]) -> None:
        """Answer the HTTP request; the connection ends with it."""
        text = body if isinstance(body, str) else json.dumps(body)
        response = self._protocol.reject(HTTPStatus(status), text)
        if not isinstance(body, str):
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json"
        self._protocol.send_response(response)
        self._flush()
        self.finish()

    def accept(self, request: Request) -> None:
        """Complete the WebSocket handshake, or refuse what isn't one."""
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()

    def read(self, within: float) -> list[tuple[Opcode, bytes]]:
        """Return the whole messages that arrive within so many seconds, as soon as there are any.

        Raises:
            OSError: the client is gone without a close frame.
        """
        if not self._receive(within) and not self.close_received:
            raise ConnectionResetError("the client's socket ended without a close frame")
        frames = [event for event in self._protocol.events_received() if isinstance(event, Frame)]
        return [message for frame in frames if (message := self._joined(frame))]

    def send(self, message: str | bytes) -> None:
        """Send a text or binary message; nothing when the connection is closed already."""
        with contextlib.suppress(InvalidState):
            if isinstance(message, str):
                self._protocol.send_text(message.encode())
            else:
                self._protocol.send_binary(message)
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """Close with a code and a reason, and give the client a moment to answer."""
        with contextlib.suppress(InvalidState):
            self._protocol.send_close(code, reason)
        with contextlib.suppress(OSError):
            self._flush()
        self.finish()

    def finish(self) -> None:
        """Read until the client has closed its side too, then close the socket."""
        deadline = time.monotonic() + CLOSE_TIMEOUT
        with contextlib.suppress(OSError):
            while (remaining := deadline - time.monotonic()) > 0 and self._receive(remaining):
                self._protocol.events_received()
        self.abandon()

    def reset(self) -> None:
        """End the connection with an RST."""
        packets.reset(self._sock)

    def vanish(self) -> None:
        """Let the client's packets vanish from now on."""
        packets.vanish(self._sock)

    def abandon(self) -> None:
        """Close the socket without another word."""
        self._sock.close()

    def narrow(self) -> None:
        """Buffer as few unread bytes as the kernel allows."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def _receive(self, within: float) -> bool:
        """Read what arrives; return whether more may come."""
        self._sock.settimeout(within)
        try:
            data = self._sock.recv(65_536)
        except TimeoutError:
            return True
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._flush()  # pongs, and the answer to a close frame
        return bool(data)

    def _flush(self) -> None:
        self._sock.settimeout(SEND_TIMEOUT)
        for data in self._protocol.data_to_send():
            if data:
                self._sock.sendall(data)
            else:
                self._sock.shutdown(socket.SHUT_WR)

    def _joined(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        """Return the message that this frame completes, if it does."""
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._opcode = frame.opcode
            self._fragments = b""
        elif frame.opcode is not Opcode.CONT:
            return None
        self._fragments += bytes(frame.data)
        return (self._opcode, self._fragments) if frame.fin else None
