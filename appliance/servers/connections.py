"""Limits of a server's connections: their number, and the time until a request.

uvicorn's own limit of concurrency is no substitute: it answers 503 to everybody while idle
connections are open, and accepts further ones until no file descriptor is left.
"""

import asyncio
import contextlib
import ipaddress
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from appliance.servers.log_limits import LogLimiter

MAX_CONNECTIONS = 500
"""Connections open at a time. With TLS each takes 256 KiB as soon as it is accepted."""

DESCRIPTOR_SHARE = 2
"""Of the process's file descriptors, one in so many may be a connection."""

MAX_CLOSING = 32
"""Evicted connections, beyond these, that the event loop has not closed yet."""

MIN_AGE = 0.1
"""Seconds before a connection may be evicted; the event loop needs less to read its request."""

REQUEST_TIMEOUT = 10.0
"""Seconds in which a whole request must have arrived."""


def connection_limit() -> int:
    """Return how many connections this process may have open at a time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, soft // DESCRIPTOR_SHARE)


def network_of(host: str) -> str:
    """Return what counts as one sender: an IPv4 address, or a whole IPv6 network of 64 bits.

    >>> network_of("2001:db8::1:2:3:4"), network_of("::ffff:192.0.2.7"), network_of("192.0.2.7")
    ('2001:db8::/64', '192.0.2.7', '192.0.2.7')

    Whoever has an IPv6 address has 2^64 of them.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class ClientConnection(Protocol):
    """What uvicorn makes of a client's socket."""

    transport: asyncio.Transport

    @property
    def is_answering(self) -> bool:
        """Whether the client has sent a request and still waits for something."""


class _Client(NamedTuple):
    """A client's socket; uvicorn may not have made a connection of it yet."""

    socket: socket.socket
    network: str
    since: float

    @property
    def is_connected(self) -> bool:
        return self.socket.fileno() != -1

    @property
    def is_waiting(self) -> bool:
        """Whether the client waits for an answer."""
        connection = connections.get(self.socket.fileno())
        return connection is not None and connection.is_answering

    def disconnect(self) -> None:
        """Have the event loop close the connection, since it owns the file descriptor."""
        if connection := connections.get(self.socket.fileno()):
            connection.transport.abort()
        else:
            with contextlib.suppress(OSError):  # the client has disconnected
                self.socket.shutdown(socket.SHUT_RDWR)


class BoundedListener(socket.socket):
    """A listening socket with at most `max_connections` connections.

    At the limit, it evicts the oldest idle connection of the network with most idle ones: a client
    that opens connections without requests shuts out only itself. Idle are those on which nobody
    waits for an answer. If none is idle, it refuses the new one.

    Without a limit, asyncio would accept until no file descriptor is left, and then log thousands
    of lines a second; this one logs through `log_limiter`. It takes over the socket `listening`.
    """

    def __init__(
        self,
        listening: socket.socket,
        log_limiter: LogLimiter,
        max_connections: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(fileno=listening.detach())
        self._log_limiter = log_limiter
        self._max_connections = max_connections
        self._clock = clock
        self._clients: list[_Client] = []
        self._closing: list[_Client] = []

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection and its address.

        Raises:
            BlockingIOError: there is none, or the event loop must read or close others first.
            ConnectionAbortedError: it was refused; asyncio goes on as if the client had left.
        """
        if not self._is_full():
            return self._admit()
        idle = [client for client in self._clients if not client.is_waiting]
        if not idle:
            self._refuse()
        ((network, number),) = Counter(client.network for client in idle).most_common(1)
        oldest = next(client for client in idle if client.network == network)
        if oldest.since > self._clock() - MIN_AGE or len(self._closing) >= MAX_CLOSING:
            raise BlockingIOError
        accepted = self._admit()
        self._evict(oldest, f"{number} from {network} are idle, the oldest of these was closed")
        return accepted

    def _is_full(self) -> bool:
        if len(self._clients) >= self._max_connections:
            self._clients = [client for client in self._clients if client.is_connected]
            self._closing = [client for client in self._closing if client.is_connected]
        return len(self._clients) >= self._max_connections

    def _admit(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._clients.append(_Client(connection, network_of(address[0]), self._clock()))
        return connection, address

    def _refuse(self) -> NoReturn:
        connection, address = super().accept()
        connection.close()
        self._warn("refused", f"one more from {address[0]} was refused")
        raise ConnectionAbortedError

    def _evict(self, client: _Client, reason: str) -> None:
        client.disconnect()
        self._clients.remove(client)
        self._closing.append(client)
        self._warn("evicted", reason)

    def _warn(self, kind: str, what: str) -> None:
        self._log_limiter.warning(kind, f"{self._max_connections} connections are open; {what}")


class PromptConnection(H11Protocol):
    """A connection that closes if no request arrives in time; uvicorn would wait for ever.

    `request_timeout` is in seconds; all other arguments are uvicorn's.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401
        request_timeout: float = REQUEST_TIMEOUT,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self._request_timeout = request_timeout

    @property
    def is_answering(self) -> bool:
        """Whether a request has arrived and its answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._descriptor = transport.get_extra_info("socket").fileno()
        connections[self._descriptor] = self
        self._timer = self.loop.call_later(self._request_timeout, self._close_without_request)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._timer.cancel()
        self._timer = self.loop.call_later(self._request_timeout, self._close_without_request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        connections.pop(self._descriptor, None)
        self._timer.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to uvicorn's protocol for WebSockets."""
        connections.pop(self._descriptor, None)
        self._timer.cancel()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request, unless its answer has begun: then only close."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # nothing that it still says can be sent
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _close_without_request(self) -> None:
        if not self.is_answering:
            self.transport.close()


connections: dict[int, ClientConnection] = {}
"""All connections by their file descriptors, for the listener: uvicorn makes them itself."""
