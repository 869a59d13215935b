"""Clients' connections: so many at a time, and on each one request, asked soon."""

import asyncio
import socket
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from appliance.services.tokens.sums import Sums

AT_ONCE = 500
"""Open at a time. With TLS each takes 256 KiB as soon as it is accepted."""

ASKED_WITHIN = 10.0
"""Seconds in which a whole request must have come."""


class BoundedListener(socket.socket):
    """A listening socket whose connections beyond `at_once` are closed unheard.

    asyncio would go on until no descriptor is left, and then write thousands of lines a second to
    the log; this one tells `sums`. Takes over the listening socket given.
    """

    def __init__(self, listening: socket.socket, sums: Sums, at_once: int = AT_ONCE) -> None:
        super().__init__(fileno=listening.detach())
        self._sums = sums
        self._at_once = at_once
        self._open: list[socket.socket] = []

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection and its address.

        Raises:
            ConnectionAbortedError: there was one too many, which asyncio takes for a client that
                has gone already.
        """
        connection, address = super().accept()
        self._open = [other for other in self._open if other.fileno() != -1]
        if len(self._open) >= self._at_once:
            connection.close()
            self._sums.tell(
                "too many",
                f"{self._at_once} connections are open; one from {address[0]} was too many",
            )
            raise ConnectionAbortedError
        self._open.append(connection)
        return connection, address


class PromptConnection(H11Protocol):
    """Closes when nobody asks: uvicorn itself would wait for ever, and has only so many places."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._due = self.loop.call_later(ASKED_WITHIN, self._close_unless_asked)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._due.cancel()
        super().connection_lost(exc)

    def _close_unless_asked(self) -> None:
        if self.cycle is None:
            self.transport.close()
