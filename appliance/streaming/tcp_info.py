"""Kernel's figures of a TCP connection: bytes acknowledged, bytes still on their way."""

import fcntl
import socket
import struct
import termios

_BYTES_ACKED = struct.Struct("120xQ")
"""Where `struct tcp_info` (linux/tcp.h) holds the bytes that the peer has acknowledged."""


def acknowledged(sock: socket.socket | None) -> int | None:
    """Return the bytes that the peer has acknowledged so far; None when that is unknown.

    It is unknown without a socket, and on kernels whose `TCP_INFO` is shorter.
    """
    try:
        size = _BYTES_ACKED.size
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size) if sock else b""
    except OSError:
        return None
    return int(_BYTES_ACKED.unpack(info)[0]) if len(info) == size else None


def unacknowledged(sock: socket.socket | None) -> int:
    """Return the bytes sent but not acknowledged yet (SIOCOUTQ; see tcp(7)); 0 when unknown."""
    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0") if sock else b"\0\0\0\0"
    except (OSError, ValueError):
        return 0
    return int(struct.unpack("i", answer)[0])
