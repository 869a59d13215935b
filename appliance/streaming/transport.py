"""One connection: a `WebSocketApp` with its four callbacks, from the handshake to the close.

It knows sockets and nothing of turns; whoever listens knows turns and nothing of sockets.
"""

import fcntl
import logging
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlencode

import msgspec
import websocket

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.network_errors import Cause, cause_of
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.proxy import way_to

log = logging.getLogger(__name__)

STALL = 8.0
"""Seconds without any progress after which a peer is dead: the handshake, a half-read frame, bytes
that nobody acknowledges."""

CHECK_INTERVAL = 0.5
PING_INTERVAL = 3.0
PONG_PATIENCE = 15.0
"""Seconds in which a peer that pings arrive at must have sent something, if only a pong."""

UNDER_WAY = 32 * 1024
"""Bytes on their way at which nothing more is sent: a blocked `send` would hold the lock that a
close needs, and what the kernel holds nobody can take back."""

_SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * UNDER_WAY)]

_BYTES_ACKED = struct.Struct("120xQ")
"""Where `struct tcp_info` (linux/tcp.h) says how much the peer has acknowledged."""

# The library logs what it was told by the service; here that is said once, in plain words.
logging.getLogger("websocket").setLevel(logging.CRITICAL)


class _Ping(msgspec.Struct):
    """The oldest ping without an answer; it has arrived once `end` bytes are acknowledged."""

    sent_at: float
    end: int
    arrived_at: float | None = None


class Listener(Protocol):
    """Who is told what happens on a connection, on the connection's thread."""

    def opened(self) -> None:
        """Audio may be sent."""

    def received(self, frame: str | bytes) -> None:
        """The service sent a message."""


class Transport:
    """One connection to the service at `settings.url`, opened by one token.

    `patience` is how many seconds the service may let TCP, TLS and the handshake wait, each;
    `pong_patience` for how many it may say nothing afterwards, though pings arrive.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        token: str,
        listener: Listener,
        patience: float = STALL,
        clock: Callable[[], float] = time.monotonic,
        *,
        pong_patience: float = PONG_PATIENCE,
    ) -> None:
        self._url = settings.url
        self._token = token
        self._listener = listener
        self._patience = patience
        self._pong_patience = pong_patience
        self._clock = clock
        self._ca_file = settings.ca_file
        self._opened: socket.socket | None = None
        self._stage = Stage.HANDSHAKE
        self._error: BaseException | None = None
        self._close: tuple[int | None, str] = (None, "")
        self._aborted = threading.Event()
        self.ended = threading.Event()
        self._received_at = clock()
        self._acknowledged = 0
        self._acknowledged_at = clock()
        self._idle_at = clock()
        self._ping: _Ping | None = None
        self._checked_at = self._pinged_at = clock()
        self._app = websocket.WebSocketApp(
            connection_url(settings, token),
            header=self._limited,
            on_open=self._on_open,
            on_message=self._on_message,
            on_error=self._on_error,
            on_close=self._on_close,
            on_pong=self._on_pong,
        )

    def run(self) -> Outcome:
        """Connect and listen until the connection ends; return how it did."""
        try:
            self._app.run_forever(
                sockopt=_SOCKET_OPTIONS,
                sslopt={"ca_certs": self._ca_file} if self._ca_file else None,
                skip_utf8_validation=True,  # a broken message is passed over, not fatal
                **way_to(self._url),
            )
        except ValueError as error:  # the address, or the proxy's, is none
            self._error = error
        if self._opened is not None:
            # The library forgets, but does not close, a socket that the service said goodbye on.
            self._opened.close()
        self.ended.set()
        return self._outcome()

    def send_audio(self, frame: bytes) -> bool:
        """Send PCM as a binary frame; tell whether the socket took it. May block for `STALL` s."""
        return self._send(frame, websocket.ABNF.OPCODE_BINARY)

    def send_message(self, message: bytes) -> bool:
        """Send a JSON message; tell whether the socket took it. May block for `STALL` s."""
        return self._send(message, websocket.ABNF.OPCODE_TEXT)

    @property
    def is_congested(self) -> bool:
        """Whether so much is on its way that more has to wait."""
        return self._under_way() > UNDER_WAY

    @property
    def silence(self) -> float:
        """Seconds since the last sign of life: something came, or was acknowledged.

        Once a ping has arrived only an answer is one: for a peer that hangs its kernel goes on
        to acknowledge.
        """
        if (ping := self._unanswered()) and ping.arrived_at:
            return self._clock() - self._received_at
        return self._clock() - max(self._received_at, self._acknowledged_at)

    def without_token(self, text: str) -> str:
        """Return what the service said, should it repeat the token, without it."""
        return text.replace(self._token, "…")

    def abort(self) -> None:
        """End the connection at once, from any thread; `run` returns."""
        self._aborted.set()
        raw = self._raw_socket()
        if raw is not None:
            try:
                raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the connection had ended before it was aborted")

    def check(self) -> None:
        """Ping now and then, and end the connection when the peer is gone. Called often.

        A peer is gone when it acknowledges nothing of what is on its way, or got a ping and says
        nothing. As long as a ping is on its way and acknowledgements go on, a slow uplink is the
        reason for the silence. (`TCP_USER_TIMEOUT` would end a connection to a peer that reads
        slowly, too: the kernel counts from when its window was first full.)
        """
        now = self._clock()
        if now - self._checked_at < CHECK_INTERVAL:
            return
        self._checked_at = now
        self._note_acknowledged(now)
        if now - self._pinged_at >= PING_INTERVAL:
            self._send_ping(now)
        if now - max(self._acknowledged_at, self._idle_at) > STALL:
            log.info("the service acknowledges nothing any more; connecting anew")
            self.abort()
        elif self._is_dumb(now):
            log.info("the service takes everything and answers nothing; connecting anew")
            self.abort()

    def _send_ping(self, now: float) -> None:
        self._pinged_at = now
        self._send(b"", websocket.ABNF.OPCODE_PING)
        if not self._unanswered():
            self._ping = _Ping(now, self._acknowledged + self._under_way())

    def _unanswered(self) -> _Ping | None:
        """Return the oldest ping since which nothing came."""
        ping = self._ping
        return ping if ping and ping.sent_at > self._received_at else None

    def _is_dumb(self, now: float) -> bool:
        """Tell whether the peer had its time to answer a ping that has arrived."""
        ping = self._unanswered()
        if ping is None or ping.arrived_at is None:
            return False
        waited = now - ping.arrived_at > self._pong_patience - PING_INTERVAL
        return waited and now - self._received_at > self._pong_patience

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

    def _note_acknowledged(self, now: float) -> None:
        """Note whether the peer has acknowledged anything since the last look."""
        if not self._under_way():
            self._idle_at = now
        before, self._acknowledged = self._acknowledged, self._bytes_acknowledged()
        if self._acknowledged != before:
            self._acknowledged_at = now
        if self._ping and not self._ping.arrived_at and self._acknowledged >= self._ping.end:
            self._ping.arrived_at = now

    def _bytes_acknowledged(self) -> int:
        raw = self._raw_socket()
        try:
            info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128) if raw else None
        except OSError:
            info = None
        return int(_BYTES_ACKED.unpack(info)[0]) if info else self._acknowledged

    def _under_way(self) -> int:
        """Return how many bytes nobody has acknowledged yet (SIOCOUTQ; see tcp(7))."""
        raw = self._raw_socket()
        try:
            answer = fcntl.ioctl(raw, termios.TIOCOUTQ, b"\0\0\0\0") if raw else b"\0\0\0\0"
        except (OSError, ValueError):
            return 0
        return int(struct.unpack("i", answer)[0])

    def _limited(self) -> dict[str, str]:
        """Limit how long it may take to connect; return no headers.

        The library asks for headers just before it connects. Until it has done so there is no
        socket that `abort` could shut down, and its own limit would be that of all connections.
        """
        self._limit(self._patience)
        return {}

    def _limit(self, seconds: float) -> None:
        if (sock := self._app.sock) is not None:
            sock.settimeout(seconds)

    def _on_open(self, _app: websocket.WebSocketApp) -> None:
        self._limit(STALL)
        self._opened = self._raw_socket()
        self._stage = Stage.SESSION
        self._received_at = self._clock()
        if self._aborted.is_set():
            self.abort()
        else:
            self._listener.opened()

    def _on_message(self, _app: websocket.WebSocketApp, frame: str | bytes) -> None:
        self._received_at = self._clock()
        self._listener.received(frame)

    def _on_pong(self, _app: websocket.WebSocketApp, _payload: bytes) -> None:
        self._received_at = self._clock()

    def _on_error(self, _app: websocket.WebSocketApp, error: BaseException) -> None:
        # A defect of ours in a callback comes here, too; it must not end up as "network error".
        foreseen: tuple[type[Exception], ...] = (websocket.WebSocketException, OSError)
        if self._stage is Stage.HANDSHAKE:
            foreseen += (ValueError,)  # the address is none
        if not isinstance(error, foreseen):
            log.error("a defect while handling a message", exc_info=error)
        elif self._error is None:
            self._error = error

    def _on_close(self, _app: websocket.WebSocketApp, code: int | None, reason: str | None) -> None:
        if code is not None:
            self._received_at = self._clock()
        self._close = (code, reason or "")

    def _outcome(self) -> Outcome:
        code, reason = self._close
        if code is None and isinstance(self._error, websocket.WebSocketBadStatusException):
            code, reason = self._error.status_code, ""
        if code is not None:
            return Outcome(self._stage, code, self.without_token(reason)[:120])
        return Outcome(self._stage, cause=cause_of(self._error) if self._error else Cause.NETWORK)


def connection_url(settings: ServiceSettings, token: str) -> str:
    """Return the address with all query parameters (the protocol's "Connect").

    The formatted turns are asked for under both names that the service has had for them.
    """
    parameters: dict[str, object] = {
        "formatted_finals": True,
        "format_turns": True,
        **settings.parameters,
        "encoding": "pcm_s16le",
        "sample_rate": SAMPLE_RATE,
        "token": token,
    }
    written = {name: _written(value) for name, value in parameters.items()}
    return f"{settings.url}?{urlencode(written, doseq=True)}"


def _written(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
