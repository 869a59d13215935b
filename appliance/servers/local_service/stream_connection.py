"""A client's WebSocket at the local service, which the listener may count and close."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from appliance.servers.connections import connections

MAX_MESSAGE = 256 * 1024
"""Bytes of a message: a second of audio has 192,000 at most."""

CLOSE_TIMEOUT = 10.0
"""Seconds for a client to read why its connection ends."""

MAX_UNSENT = 256 * 1024
"""Bytes that wait for a client that pings and does not read the answers."""


class StreamConnection(WSProtocol):
    """A WebSocket connection; the arguments are uvicorn's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._descriptor = -1
        self._length = 0
        self._is_lost = False
        self._is_ended_by_session = False

    @property
    def is_answering(self) -> bool:
        """Whether its session goes on: until the service has closed it."""
        return not (self.close_sent or self._is_lost)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._descriptor = transport.get_extra_info("socket").fileno()
        connections[self._descriptor] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._is_lost = True
        connections.pop(self._descriptor, None)
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an event of ASGI
        """Send what the session says.

        Raises:
            OSError: the connection has ended by itself, after a long message or without an answer
                to a ping. uvicorn would take this for a fault of the session.
        """
        if self.close_sent and not self._is_ended_by_session:
            raise ConnectionAbortedError
        if message["type"] in ("websocket.close", "websocket.http.response.start"):
            self._is_ended_by_session = True
        await super().send(message)

    def handle_message(self, event: TextMessage | BytesMessage) -> None:
        """Take a part of a message; end the connection if it makes the message too long (1009).

        uvicorn would close at once, and the reset that follows can overtake the close frame.
        """
        if self.close_sent:
            return
        data = event.data.encode() if isinstance(event, TextMessage) else event.data
        self._length += len(data)
        if self._length <= MAX_MESSAGE:
            if event.message_finished:
                self._length = 0
            super().handle_message(event)
            return
        reason = "Message too big"
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1009, "reason": reason})
        if not self.transport.is_closing():
            self.transport.write(self.conn.send(CloseConnection(code=1009, reason=reason)))
            self.transport.resume_reading()
            self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.transport.close)

    def handle_ping(self, event: Ping) -> None:
        """Answer a ping, unless too many answers wait already."""
        super().handle_ping(event)
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.transport.abort()
