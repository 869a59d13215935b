"""One connection: a `WebSocketApp` with its four callbacks, from the handshake to the close.

It knows sockets and nothing of turns; its listener knows turns and nothing of sockets.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

import websocket
from websocket._handshake import CookieJar

from appliance.core.network_errors import Cause, TooMuchError, cause_of
from appliance.settings.schema import ServiceSettings
from appliance.streaming import tcp_info
from appliance.streaming.bounded_socket import BoundedSocket
from appliance.streaming.liveness import PONG_TIMEOUT, STALL_TIMEOUT, Liveness
from appliance.streaming.message_rate import MessageRate
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.parameters import HEADERS, connection_url
from appliance.streaming.refusal import refusal
from appliance.system.http_client import FAILURES, open_socket
from appliance.system.time_limit import TimeLimit

log = logging.getLogger(__name__)

CHECK_INTERVAL = 0.5
"""Seconds between checks of the peer's liveness."""

MAX_UNACKNOWLEDGED = 32 * 1024
"""Bytes on their way at which nothing more is sent: a blocked `send` would hold the lock that a
close needs, and what the kernel holds can't be taken back."""

_SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_UNACKNOWLEDGED)]

# The library logs what the service sent; this module logs it once, in plain words.
logging.getLogger("websocket").setLevel(logging.CRITICAL)


class TransportListener(Protocol):
    """Receiver of what happens on a connection, called on the connection's thread."""

    def opened(self) -> None:
        """Take note that audio may be sent."""

    def received(self, frame: str | bytes) -> None:
        """Take a message of the service."""


class Transport:
    """One connection to the service at `settings.url`, opened by one token.

        transport = Transport(settings, token, listener)
        outcome = transport.run()  # blocks; calls listener.opened() and listener.received()

    All methods but `run` may be called from any thread.

    Args:
        settings: where the service is, and its parameters.
        token: a temporary token that was not used before.
        listener: takes what happens.
        handshake_timeout: seconds from the look-up of the name to the end of the handshake.
        clock: monotonic seconds.
        stall_timeout: seconds without any progress afterwards.
        pong_timeout: seconds that the service may send nothing although pings arrive.
        limit: ends the handshake, too.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        token: str,
        listener: TransportListener,
        handshake_timeout: float = STALL_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
        *,
        stall_timeout: float = STALL_TIMEOUT,
        pong_timeout: float = PONG_TIMEOUT,
        limit: TimeLimit | None = None,
    ) -> None:
        self._url = settings.url
        self._token = token
        self._listener = listener
        self._connecting = TimeLimit(within=limit)
        self._handshake = self._connecting
        self._handshake_timeout = handshake_timeout
        self._stall_timeout = stall_timeout
        self._clock = clock
        self._ca_file = settings.ca_file
        self._stream: BoundedSocket | None = None
        self._stage = Stage.HANDSHAKE
        self._error: BaseException | None = None
        self._status: int | None = None
        self._close: tuple[int | None, str] = (None, "")
        self._aborted = threading.Event()
        self._rate = MessageRate(clock=clock)
        self.ended = threading.Event()
        self._liveness = Liveness(stall_timeout, pong_timeout, clock)
        self._checked_at = clock()
        self._app = websocket.WebSocketApp(
            connection_url(settings, token),
            header=self._connect,
            on_open=self._on_open,
            on_message=self._on_message,
            on_error=self._on_error,
            on_close=self._on_close,
            on_ping=self._on_ping,
            on_pong=self._on_pong,
        )

    def run(self) -> Outcome:
        """Connect and listen until the connection ends; return how it did."""
        self._handshake = TimeLimit(self._handshake_timeout, self._connecting)
        try:
            # A broken message is ignored, not fatal.
            self._app.run_forever(skip_utf8_validation=True)
        except ValueError as error:  # the address is invalid
            self._error = error
        if self._stage is Stage.HANDSHAKE:
            self._handshake.end()
        if self._stream is not None:
            # The library forgets, but does not close, a socket on which the service said goodbye.
            self._stream.close()
        self.ended.set()
        return self._outcome()

    def send_audio(self, frame: bytes) -> bool:
        """Send PCM as a binary frame; return whether the socket took it.

        May block for `stall_timeout` seconds.
        """
        return self._send(frame, websocket.ABNF.OPCODE_BINARY)

    def send_message(self, message: bytes) -> bool:
        """Send a JSON message; return whether the socket took it.

        May block for `stall_timeout` seconds.
        """
        return self._send(message, websocket.ABNF.OPCODE_TEXT)

    @property
    def is_congested(self) -> bool:
        """Whether so much is on its way that more must wait."""
        return tcp_info.unacknowledged(self._raw_socket()) > MAX_UNACKNOWLEDGED

    @property
    def unresponsive_for(self) -> float:
        """Seconds since the service's last sign of life."""
        return self._liveness.unresponsive_for

    def without_token(self, text: str) -> str:
        """Return the service's words without the token that they may repeat."""
        return text.replace(self._token, "…")

    def abort(self) -> None:
        """End the connection at once; `run` returns."""
        self._aborted.set()
        self._connecting.cancel()
        raw = self._raw_socket()
        if raw is not None:
            try:
                raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the connection had ended before it was aborted")

    def check(self) -> None:
        """Ping now and then, and end the connection when the service is dead. Call this often."""
        now = self._clock()
        if now - self._checked_at < CHECK_INTERVAL:
            return
        self._checked_at = now
        raw = self._raw_socket()
        self._liveness.observe(tcp_info.acknowledged(raw), tcp_info.unacknowledged(raw))
        if self._liveness.ping_is_due:
            self._send(b"", websocket.ABNF.OPCODE_PING)
            self._liveness.note_ping(tcp_info.unacknowledged(raw))
        if failure := self._liveness.failure:
            log.info("%s; reconnecting", failure)
            self.abort()

    def _send(self, payload: bytes, opcode: int) -> bool:
        sock = self._app.sock
        if sock is None or self._aborted.is_set():
            return False
        try:
            sock.send(payload, opcode)
        except (websocket.WebSocketException, OSError, AttributeError) as error:
            # AttributeError: the library clears the socket while another thread is about to send.
            log.debug("the socket took no more: %s", type(error).__name__)
            # A frame may be half sent; nothing sensible can follow it.
            self.abort()
            return False
        return True

    def _raw_socket(self) -> socket.socket | None:
        sock = self._app.sock
        return sock.sock if sock is not None else None

    def _connect(self) -> dict[str, str]:
        """Connect, and hand the library the socket; return the headers.

        The library asks for headers just before it connects. By itself it gives up at the first
        address that is silent, follows redirections to any host, has no total limit, and takes
        answers and messages of any length.
        """
        if (sock := self._app.sock) is not None:
            sock.connect = partial(sock.connect, redirect_limit=0)  # type: ignore[method-assign]
        CookieJar.jar.clear()  # it would keep any peer's cookies, and show them to others
        opened = open_socket(
            self._url, self._handshake, ca_file=self._ca_file, options=_SOCKET_OPTIONS
        )
        self._stream = BoundedSocket(opened)
        self._app.prepared_socket = cast("socket.socket", self._stream)
        return HEADERS

    def _set_timeout(self, seconds: float) -> None:
        if (sock := self._app.sock) is not None:
            sock.settimeout(seconds)

    def _on_open(self, _app: websocket.WebSocketApp) -> None:
        self._handshake.end()
        self._set_timeout(self._stall_timeout)
        if self._stream:
            self._stream.expect_message()
        self._stage = Stage.SESSION
        self._liveness.note_received()
        if self._aborted.is_set():
            self.abort()
        else:
            self._listener.opened()

    def _on_message(self, _app: websocket.WebSocketApp, frame: str | bytes) -> None:
        self._liveness.note_received()
        if self._stream:
            self._stream.expect_message()
        self._aborted.wait(self._rate.delay(len(frame)))
        self._listener.received(frame)

    def _on_ping(self, _app: websocket.WebSocketApp, payload: bytes) -> None:
        if self._stream:
            self._stream.pass_over(payload)

    def _on_pong(self, _app: websocket.WebSocketApp, payload: bytes) -> None:
        self._liveness.note_received()
        if self._stream:
            self._stream.pass_over(payload)

    def _on_error(self, _app: websocket.WebSocketApp, error: BaseException) -> None:
        # An error in a callback of ours comes here, too; it must not pass for "network error".
        expected: tuple[type[Exception], ...] = (websocket.WebSocketException, OSError)
        if self._stage is Stage.HANDSHAKE:
            expected += FAILURES
        if not isinstance(error, expected):
            log.error("unexpected error while handling a message", exc_info=error)
        elif self._error is None:
            self._error = error
            if self._app.sock and self._app.sock.status is not None:
                # Of a redirection the library says only that it was not followed.
                self._status = self._app.sock.status
            elif isinstance(error, TooMuchError) and self._stream:
                self._status = self._stream.http_status

    def _on_close(self, _app: websocket.WebSocketApp, code: int | None, reason: str | None) -> None:
        if code is not None:
            self._liveness.note_received()
        self._close = (code, reason or "")

    def _outcome(self) -> Outcome:
        if self._stage is Stage.HANDSHAKE and self._handshake.ran_out:
            return Outcome(self._stage, cause=Cause.TIMEOUT)
        if self._stage is Stage.HANDSHAKE and (
            refused := refusal(self._url, self._error, self._status, self._token)
        ):
            return refused
        code, reason = self._close
        if code is not None:
            return Outcome(self._stage, code, self.without_token(reason))
        return Outcome(self._stage, cause=cause_of(self._error) if self._error else Cause.NETWORK)
