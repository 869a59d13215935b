"""Faults of a TCP connection below the application: a reset, or packets that vanish."""

import contextlib
import ctypes
import socket
import struct

import pytest

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module has no name for it
_SO_DETACH_FILTER = 27
_RETURN = 0x06  # BPF_RET | BPF_K: how many bytes of the packet to keep


def reset(sock: socket.socket) -> None:
    """Close the socket with an RST instead of a FIN; both sides forget what was on its way."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def vanish(sock: socket.socket) -> None:
    """Let every packet that arrives for this socket vanish, acknowledgements included.

    The peer gets no answer to anything, as if the cable was pulled behind the next switch. On a
    listening socket it is the attempts to connect that get no answer. A socket filter that keeps
    nothing does this in the kernel, without privileges.
    """
    keep_nothing = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(keep_nothing))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def reappear(sock: socket.socket) -> None:
    """Let packets arrive again; what was lost comes when the peer's kernel repeats it."""
    with contextlib.suppress(FileNotFoundError):  # they arrived all the time
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def may_vanish() -> bool:
    """Return whether this kernel lets this user drop a socket's packets."""
    with socket.socket() as sock:
        try:
            vanish(sock)
        except PermissionError:
            return False
    return True


needs_vanishing = pytest.mark.skipif(
    not may_vanish(), reason="this kernel lets nobody but root drop a socket's packets"
)
"""Marks a test in which packets vanish."""
