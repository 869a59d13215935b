"""Clients' connections: so many at a time, and on each one request, asked soon."""

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from appliance.servers.token_server.log_limits import LogLimiter

AT_ONCE = 500
"""Open at a time. With TLS each takes 256 KiB as soon as it is accepted."""

ENDING = 32
"""Open beyond these, at most, until the event loop has closed them."""

GRACE = 0.1
"""Seconds in which the event loop has surely read what was sent at once."""

ASKED_WITHIN = 10.0
"""Seconds in which a whole request must have come."""


class _Client(NamedTuple):
    """Who is connected, perhaps still without the connection that uvicorn makes of it."""

    socket: socket.socket
    host: str
    since: float

    @property
    def is_connected(self) -> bool:
        return self.socket.fileno() != -1

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is due."""
        connection = _connections.get(self.socket.fileno())
        return connection is not None and connection.is_answering

    def end(self) -> None:
        """Let the event loop close the connection: the descriptor is in its hands."""
        if connection := _connections.get(self.socket.fileno()):
            connection.transport.abort()
        else:
            with contextlib.suppress(OSError):  # the client has gone by itself
                self.socket.shutdown(socket.SHUT_RDWR)


class BoundedListener(socket.socket):
    """A listening socket with at most `at_once` connections.

    One too many takes the place of the oldest on which nobody waits for an answer, of the address
    that has most of these: who holds them all, and asks nothing, only shuts out himself. Where
    somebody waits on each of them, it is closed unheard.

    asyncio would go on until no descriptor is left, and then write thousands of lines a second to
    the log; this one tells `sums`. Takes over the listening socket given.
    """

    def __init__(
        self,
        listening: socket.socket,
        sums: LogLimiter,
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(fileno=listening.detach())
        self._sums = sums
        self._at_once = at_once
        self._clock = clock
        self._clients: list[_Client] = []
        self._ended: list[_Client] = []

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection and its address.

        Raises:
            BlockingIOError: none is there, or the event loop has others to read or close first.
            ConnectionAbortedError: there was one too many, which asyncio takes for a client that
                has gone already.
        """
        if not self._is_full():
            return self._take()
        idle = [client for client in self._clients if not client.is_waiting]
        if not idle:
            self._refuse()
        ((host, number),) = Counter(client.host for client in idle).most_common(1)
        oldest = next(client for client in idle if client.host == host)
        if oldest.since > self._clock() - GRACE or len(self._ended) >= ENDING:
            raise BlockingIOError
        taken = self._take()
        self._end(oldest, f"{number} from {host} asked nothing, the oldest of these was closed")
        return taken

    def _is_full(self) -> bool:
        if len(self._clients) >= self._at_once:
            self._clients = [client for client in self._clients if client.is_connected]
            self._ended = [client for client in self._ended if client.is_connected]
        return len(self._clients) >= self._at_once

    def _take(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._clients.append(_Client(connection, address[0], self._clock()))
        return connection, address

    def _refuse(self) -> NoReturn:
        connection, address = super().accept()
        connection.close()
        self._sums.tell(
            "too many", f"{self._at_once} connections are open; one from {address[0]} was too many"
        )
        raise ConnectionAbortedError

    def _end(self, client: _Client, why: str) -> None:
        client.end()
        self._clients.remove(client)
        self._ended.append(client)
        self._sums.tell("idle", f"{self._at_once} connections are open; {why}")


class PromptConnection(H11Protocol):
    """Closes when nobody asks: uvicorn itself would wait for ever, and has only so many places."""

    @property
    def is_answering(self) -> bool:
        """Whether a request has come and waits for its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._descriptor = transport.get_extra_info("socket").fileno()
        _connections[self._descriptor] = self
        self._due = self.loop.call_later(ASKED_WITHIN, self._close_unless_asked)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        _connections.pop(self._descriptor, None)
        self._due.cancel()
        super().connection_lost(exc)

    def _close_unless_asked(self) -> None:
        if self.cycle is None:
            self.transport.close()


_connections: dict[int, PromptConnection] = {}
"""By their descriptors. uvicorn makes them itself; here the listener finds them."""
