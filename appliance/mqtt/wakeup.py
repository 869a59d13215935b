"""Wakes a thread that waits for the network because another one has something for it."""

import contextlib
import socket


class WakeupPipe:
    """May be rung by any thread; whoever waits passes it to `select` beside sockets."""

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._heard.fileno()

    def ring(self) -> None:
        """Wake who waits, now or at the next wait; returns at once."""
        with contextlib.suppress(BlockingIOError):  # it rings loudly already
            self._rung.send(b"!")

    def silence(self) -> None:
        """Stop ringing."""
        with contextlib.suppress(BlockingIOError):
            while self._heard.recv(1024):
                pass

    def close(self) -> None:
        """Take it down."""
        self._heard.close()
        self._rung.close()
