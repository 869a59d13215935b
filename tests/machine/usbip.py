"""Device's end of USB/IP (Linux, Documentation/usb/usbip_protocol.rst), once it is attached.

The kernel sends requests (URBs) and may take them back; the device answers each in its own time.
"""

import errno
import socket
import struct
import threading
from pathlib import Path
from typing import NamedTuple

STALL = -errno.EPIPE
TAKEN_BACK = -errno.ECONNRESET

_SUBMIT, _UNLINK, _SUBMITTED, _UNLINKED = 1, 2, 3, 4
_HEADER = struct.Struct(">5I")
_SUBMISSION = struct.Struct(">I4i8s")
_PACKET = struct.Struct(">4I")
_NOT_ISOCHRONOUS = (0, -1)


class Packet(NamedTuple):
    """A place in an isochronous request's buffer, for the audio of one frame."""

    offset: int
    length: int


class Request(NamedTuple):
    """What the kernel wants of an endpoint. `setup` counts for endpoint 0 alone."""

    number: int
    endpoint: int
    length: int
    start_frame: int
    setup: bytes
    data: bytes
    packets: tuple[Packet, ...]


class Withdrawal(NamedTuple):
    """The kernel takes a request back."""

    number: int
    request: int


class Wire:
    """The cable between a device and the socket that it is plugged into."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._sending = threading.Lock()

    def receive(self) -> Request | Withdrawal | None:
        """Return what the kernel says next; nothing once the cable is pulled."""
        try:
            return self._receive()
        except (ConnectionError, OSError):
            return None

    def answer(self, request: Request, status: int = 0, data: bytes = b"") -> None:
        """Answer a request: with what was read, or with how writing went."""
        written = 0 if status or data else len(request.data)
        self._reply(request, status, len(data) or written, data)

    def answer_packets(self, request: Request, filled: list[bytes]) -> None:
        """Answer an isochronous request with what each of its packets holds."""
        places = b"".join(
            _PACKET.pack(packet.offset, packet.length, len(content), 0)
            for packet, content in zip(request.packets, filled, strict=True)
        )
        content = b"".join(filled)
        self._reply(request, 0, len(content), content + places)

    def confirm(self, withdrawal: Withdrawal, *, in_time: bool) -> None:
        """Return whether the request was taken back before it was answered."""
        header = _HEADER.pack(_UNLINKED, withdrawal.number, 0, 0, 0)
        self._send(header + struct.pack(">i24x", TAKEN_BACK if in_time else 0))

    def pull(self) -> None:
        """Pull the cable."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _receive(self) -> Request | Withdrawal:
        command, number, _, inward, endpoint = _HEADER.unpack(self._exactly(_HEADER.size))
        body = self._exactly(_SUBMISSION.size)
        if command == _UNLINK:
            return Withdrawal(number, int.from_bytes(body[:4], "big"))
        assert command == _SUBMIT, f"USB/IP knows no command {command}"
        _, length, start_frame, count, _, setup = _SUBMISSION.unpack(body)
        data = b"" if inward else self._exactly(length)
        places = b"" if count in _NOT_ISOCHRONOUS else self._exactly(_PACKET.size * count)
        packets = tuple(Packet(*place[:2]) for place in _PACKET.iter_unpack(places))
        return Request(number, endpoint, length, start_frame, setup, data, packets)

    def _reply(self, request: Request, status: int, length: int, content: bytes) -> None:
        header = _HEADER.pack(_SUBMITTED, request.number, 0, 0, 0)
        count = len(request.packets)
        result = struct.pack(">5i8x", status, length, request.start_frame, count, 0)
        self._send(header + result + content)

    def _send(self, message: bytes) -> None:
        with self._sending:
            self._socket.sendall(message)

    def _exactly(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            piece = self._socket.recv(length - len(received))
            if not piece:
                raise ConnectionError("pulled out")
            received += piece
        return bytes(received)
