"""Scripted transcription service (streaming protocol v3) on the loopback.

It follows the protocol, records what arrived and when, notes what a client did against the rules,
and misbehaves as scripted:

    audio = speech(words=30)
    with ScriptedService(numbered(audio.words)) as service:
        service.on_connection(1, drop_after(seconds_of_audio=3, how="reset"))
        service.on_connection(2, refuse(1008, "Too many concurrent sessions"))
        ...  # a client connects to service.url, with a token from service.token_url
    assert service.violations == []
"""

import contextlib
import math
import socket
import ssl
import threading
import time
import uuid
from collections import defaultdict
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.http11 import Request

from tests.rig.connection import Behaviour, Connection, ConnectionOptions
from tests.rig.listener import Listener
from tests.rig.recognizer import NewRecognizer, spoken
from tests.rig.record import Record, Token, TokenRequest
from tests.rig.waiting import wait_until
from tests.rig.wire import Wire

REQUEST_TIMEOUT = 30.0


class ScriptedService:
    """Serves `/v3/ws`, `/v3/token` and `/token` until the `with` block ends.

    Both ports serve all three paths; `token_url` and `api_token_url` lie on a port of their own,
    so that tokens can be unreachable while sessions are not. With `tls`, all is https and wss.

    The attributes may be set at any time and hold from then on.
    """

    def __init__(
        self, new_recognizer: NewRecognizer | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.new_recognizer = new_recognizer or spoken([])
        self.api_key = "the-api-key"
        self.handshake_delay = 0.0
        """Seconds before each WebSocket handshake is answered."""
        self.hearing_delay = 0.0
        """Seconds from a frame's arrival until it is heard."""
        self.hearing_speed = math.inf
        """Audio is heard at most this many times as fast as it was spoken."""
        self.begin_expires_in = 10_800.0
        """Seconds until the `expires_at` of `Begin`; it is announced, not enforced."""
        self.lose_formatted = False
        """Whether the formatted message of a finished turn is never sent."""
        self.word_time_error_ms = 0
        """Words' `start` and `end` are off by up to this, either way."""
        self.heartbeat_interval = 5.0
        """Seconds between heartbeats, where they are asked for."""
        self.configuration: dict[str, object] | None = None
        """What `Begin` says is applied; None: nothing is said, as by an older service."""
        self.inactivity_timeout = math.inf
        """Seconds without audio and `KeepAlive` after which a session is ended."""
        self.token_delay = 0.0
        """Seconds before a request for a token is answered."""
        self.token_answer: tuple[int, str | dict[str, Any]] | None = None
        """Status and body (a dict is sent as JSON) for every request for a token."""

        self.connections: list[Record] = []
        """What happened on each connection, in the order of their handshakes."""
        self.tokens: list[Token] = []
        """The tokens that were issued."""
        self.token_requests: list[TokenRequest] = []
        """The requests for tokens that were answered."""
        self.violations: list[str] = []
        """A sentence for each thing that a client did against the rules."""

        self._tls = tls
        self._live: list[Connection] = []
        self._scripted: dict[int, tuple[Behaviour, ...]] = defaultdict(tuple)
        self._always: tuple[Behaviour, ...] = ()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self._sessions = Listener("scripted service", self._serve)
        self._token_server = Listener("scripted token server", self._serve)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._sessions.close()
        self._token_server.close()

    @property
    def port(self) -> int:
        """The port of `url`."""
        return self._sessions.port

    @property
    def url(self) -> str:
        """The WebSocket endpoint."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/v3/ws"

    @property
    def token_url(self) -> str:
        """The owner's token server."""
        return f"{self._token_origin}/token"

    @property
    def api_token_url(self) -> str:
        """The service's own token endpoint, which requires the API key."""
        return f"{self._token_origin}/v3/token"

    @property
    def _token_origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._token_server.port}"

    # Scripting

    def on_connection(self, number: int, *behaviours: Behaviour) -> None:
        """Let the connection with this number (the first one is 1) behave like this."""
        self._scripted[number] += behaviours

    def on_every_connection(self, *behaviours: Behaviour) -> None:
        """Let every connection from now on behave like this."""
        self._always += behaviours

    def now(self, behaviour: Behaviour) -> None:
        """Let the newest open connection behave like this, from now on."""
        self._newest().behave(behaviour)

    def send_raw(self, message: str | bytes) -> None:
        """Send any message as it is, on the newest open connection."""
        self._newest().send_raw(message)

    def token_down_for(self, seconds: float = math.inf) -> None:
        """Refuse TCP connections to the tokens' port for some seconds, or until `token_up`."""
        self._token_server.refuse(seconds)

    def token_up(self) -> None:
        """Issue tokens again."""
        self._token_server.accept()

    def down_for(self, seconds: float = math.inf) -> None:
        """Refuse new TCP connections to the service for some seconds, or until `up`.

        Those that are open stay.
        """
        self._sessions.refuse(seconds)

    def up(self) -> None:
        """Accept connections again."""
        self._sessions.accept()

    def wait_for_connection(self, number: int = 1, within: float = 20.0) -> Record:
        """Wait until the connection with this number has asked for its handshake."""
        wait_until(lambda: len(self.connections) >= number, within)
        return self.connections[number - 1]

    # Serving

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):  # a client may leave early
            if self._tls:
                sock.settimeout(REQUEST_TIMEOUT)
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._answer(Wire(sock))

    def _answer(self, wire: Wire) -> None:
        request = wire.read_request(REQUEST_TIMEOUT, self._stopping)
        if request is None:
            wire.abandon()
        elif urlsplit(request.path).path == "/v3/ws":
            self._connection(wire, request).serve()
        else:
            self._answer_http(wire, request)

    def _connection(self, wire: Wire, request: Request) -> Connection:
        with self._lock:
            number = len(self.connections) + 1
            behaviours = self._always + self._scripted[number]
            connection = Connection(
                wire, request, number, self._manner(), behaviours, self._stopping
            )
            self._live = [live for live in self._live if not live.is_over] + [connection]
            self.connections.append(connection.record)
        return connection

    def _manner(self) -> ConnectionOptions:
        return ConnectionOptions(
            new_recognizer=self.new_recognizer,
            admit=self._admit,
            note_violation=self.violations.append,
            handshake_delay=self.handshake_delay,
            hearing_delay=self.hearing_delay,
            hearing_speed=self.hearing_speed,
            begin_expires_in=self.begin_expires_in,
            lose_formatted=self.lose_formatted,
            word_time_error_ms=self.word_time_error_ms,
            heartbeat_interval=self.heartbeat_interval,
            configuration=self.configuration,
            inactivity_timeout=self.inactivity_timeout,
        )

    def _newest(self) -> Connection:
        with self._lock:
            open_now = [live for live in self._live if live.record.opened_at and not live.is_over]
        assert open_now, "no connection is open"
        return open_now[-1]

    # Tokens

    def _admit(self, connection: Connection) -> str:
        """Return why this connection's token is refused, or nothing."""
        value = connection.record.query.get("token")
        if value is None:
            key = connection.record.header("Authorization")
            return "" if key == self.api_key else "there is no token"
        with self._lock:
            token = next((token for token in self.tokens if token.value == value), None)
            if token is None:
                return "the token is not one of ours"
            if token.used_by is not None:
                return f"the token was used by connection {token.used_by}"
            if time.monotonic() > token.expires_at:
                return "the token has expired"
            token.used_by = connection.record.number
            return ""

    def _answer_http(self, wire: Wire, request: Request) -> None:
        self._stopping.wait(self.token_delay)
        status, body = self._token_answer(request)
        headers = dict(request.headers.raw_items())
        self.token_requests.append(TokenRequest(time.monotonic(), request.path, headers, status))
        wire.answer(status, body)

    def _token_answer(self, request: Request) -> tuple[int, str | dict[str, Any]]:
        address = urlsplit(request.path)
        if address.path not in {"/token", "/v3/token"}:
            return 404, {"error": "Not found"}
        if self.token_answer:
            return self.token_answer
        if address.path == "/v3/token" and request.headers.get("Authorization") != self.api_key:
            return 401, {"error": "Unauthorized"}
        expires_in = dict(parse_qsl(address.query)).get("expires_in_seconds", "60")
        if not expires_in.isdecimal() or not 1 <= int(expires_in) <= 600:
            return 400, {"error": "expires_in_seconds must be between 1 and 600"}
        return 200, {"token": self._issue(int(expires_in)), "expires_in_seconds": int(expires_in)}

    def _issue(self, expires_in: int) -> str:
        now = time.monotonic()
        token = Token(uuid.uuid4().hex, issued_at=now, expires_at=now + expires_in)
        with self._lock:
            self.tokens.append(token)
        return token.value
