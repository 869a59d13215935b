"""Connection through the proxy: two sockets, and the bytes on their way between them."""

import contextlib
import math
import select
import socket
import threading
import time
from collections.abc import Callable

from tests.rig import packets

BUFFER = 16_384
PIECE = 1_024
TICK = 0.02


class Link:
    """Forwards between a client and a service until both have ended, or it is cut.

    `uplink_rate` says how many bytes a second may go from client to service. `forward` runs on
    one thread; the other methods may be called from any.
    """

    def __init__(
        self,
        client: socket.socket,
        service: socket.socket,
        paused: threading.Event,
        uplink_rate: Callable[[], float],
    ) -> None:
        for sock in (client, service):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self._client = client
        self._service = service
        self._paused = paused
        self._streams = (
            _Stream(client, service, uplink_rate),
            _Stream(service, client, lambda: math.inf),
        )
        self._cut = threading.Event()
        self._ended = threading.Event()

    @property
    def has_ended(self) -> bool:
        """Whether both sockets are closed."""
        return self._ended.is_set()

    def cut(self) -> None:
        """Ask for a reset of both sides."""
        self._cut.set()

    def wait_until_ended(self) -> None:
        """Return once both sockets are closed."""
        self._ended.wait()

    def vanish(self) -> None:
        """Let the client's packets vanish."""
        with contextlib.suppress(OSError):  # it was closed this moment
            packets.vanish(self._client)

    def reappear(self) -> None:
        """Let the client's packets arrive again."""
        with contextlib.suppress(OSError):  # they never vanished, or it was closed
            packets.reappear(self._client)

    def forward(self) -> None:
        """Forward until both sides have ended or the link is cut; then both sockets are closed."""
        try:
            while not self._is_over():
                self._forward_some()
        except OSError:
            self._cut.set()  # a reset on one side becomes a reset on the other
        for sock in (self._client, self._service):
            if self._cut.is_set():
                packets.reset(sock)
            else:
                sock.close()
        self._ended.set()

    def _is_over(self) -> bool:
        return self._cut.is_set() or all(stream.ended for stream in self._streams)

    def _forward_some(self) -> None:
        if self._paused.is_set():
            self._cut.wait(TICK)
            return
        now = time.monotonic()
        sources = {stream.source: stream for stream in self._streams if stream.may_read(now)}
        sinks = {stream.sink: stream for stream in self._streams if stream.pending}
        soonest = min(stream.ready_at - now for stream in self._streams)
        timeout = TICK if soonest <= 0 else min(TICK, soonest)
        readable, writable, _ = select.select(list(sources), list(sinks), [], timeout)
        for source in readable:
            sources[source].read(now)
        for sink in writable:
            sinks[sink].write()


class _Stream:
    """One direction of a link."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, rate: Callable[[], float]
    ) -> None:
        self.source = source
        self.sink = sink
        self.pending = b""
        self.ready_at = 0.0
        self.ended = False
        self._rate = rate

    def may_read(self, now: float) -> bool:
        return not self.pending and not self.ended and now >= self.ready_at

    def read(self, now: float) -> None:
        self.pending = self.source.recv(PIECE)
        on_time = max(self.ready_at, now - TICK)  # being late for a piece doesn't slow the rest
        self.ready_at = on_time + len(self.pending) / self._rate()
        if not self.pending:
            self.ended = True
            self.sink.shutdown(socket.SHUT_WR)

    def write(self) -> None:
        self.pending = self.pending[self.sink.send(self.pending) :]
