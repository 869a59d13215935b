"""The local transcription service: the protocol of the cloud's, on this machine.

For demonstrations, tests and homes that want no cloud. `/v3/ws` is the stream and `/v3/token` gives
out its temporary tokens; `/token` does so as a token server would.
"""

import contextlib
import logging
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from appliance.servers.local_service import protocol
from appliance.servers.local_service.admission import Admission, SessionSlot
from appliance.servers.local_service.engines.base import RecognizerError
from appliance.servers.local_service.engines.registry import engine_named
from appliance.servers.local_service.protocol import (
    RefusedError,
    SessionParameters,
    TokenParameters,
)
from appliance.servers.local_service.session import StreamingSession

log = logging.getLogger(__name__)

LOOK_AHEAD = 310.0
"""Seconds of audio that may arrive ahead of real time; observed of the cloud's service."""

TOKEN_LIFETIME = 60
"""Seconds within which a token from `/token` must be used."""

SIGN_OF_LIFE = 10
"""Seconds of silence after which a client's machine is asked whether it is there; after three times
as long it is gone, and its place free, also when no other client needs it."""

CLOSE_REASON_BYTES = 123
"""The most that a close frame can say (RFC 6455, 5.5)."""


class LocalServiceError(Exception):
    """The service can't start; the message says why and what to do."""


def serve(
    host: str = "127.0.0.1",
    port: int = 8765,
    engine: str = "pocketsphinx",
    keys: Collection[str] = (),
    certificate: Path | None = None,
    key: Path | None = None,
    max_sessions: int | None = None,
) -> None:
    """Run the local service in the main thread until SIGINT or SIGTERM, then exit with status 0.

    Raises:
        UnknownEngineError: there is no such engine.
        LocalServiceError: the address or the certificate can't be used.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal that ended it once more when all is closed
        signal.signal(number, lambda *_: sys.exit(0))
    LocalService(
        host,
        port,
        engine,
        keys=keys,
        certificate=certificate,
        key=key,
        max_sessions=max_sessions,
    ).run()


class LocalService:
    """The local service in a thread of its own, or by `run` in the caller's.

        with LocalService() as service:
            ...  # connect to service.url with a token from service.token_url

    `port` 0 takes a free one. Without `keys`, any key is accepted, and `/token` is open; with them,
    one of them is needed as `Authorization`, or for a session a token. Sessions beyond
    `max_sessions` (two for each core, and four at least) are refused (3009), unless one gives way
    (4031) whose client has been silent for five seconds. With a `certificate`, everything goes over
    TLS; its private key is in the same file, or in `key`. An engine that can't be had at the start
    is logged; sessions then fail until it can (3005).

    Raises:
        UnknownEngineError: there is no such engine.
        LocalServiceError: the address or the certificate can't be used.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        engine: str = "pocketsphinx",
        *,
        keys: Collection[str] = (),
        certificate: Path | None = None,
        key: Path | None = None,
        max_sessions: int | None = None,
        look_ahead: float = LOOK_AHEAD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine_named(engine)
        self._certificate = (certificate, key)
        _check_certificate(certificate, key)
        self._host = host
        self._socket = _listening(host, port)
        self._look_ahead = look_ahead
        self._clock = clock
        self._admission = Admission(keys, max_sessions, clock)
        self._server = uvicorn.Server(self._settings())
        self._thread = threading.Thread(target=self._serve, name="local-service")

    @property
    def url(self) -> str:
        """Where to stream to."""
        return f"{'wss' if self._certificate[0] else 'ws'}://{self._address}/v3/ws"

    @property
    def token_url(self) -> str:
        """Where a device gets its tokens."""
        return f"{'https' if self._certificate[0] else 'http'}://{self._address}/token"

    def start(self) -> None:
        """Load the recognizer and serve in the background; returns when clients can connect."""
        self._warm_up()
        self._thread.start()

    def stop(self) -> None:
        """Close every session and wait for the thread to end."""
        self._server.should_exit = True
        self._thread.join()

    def run(self) -> None:
        """Serve in this thread until a signal ends it."""
        self._warm_up()
        self._serve()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _address(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._socket.getsockname()[1]}"

    def _warm_up(self) -> None:
        try:
            self._engine.warm_up()
        except RecognizerError as error:
            log.error("%s; sessions fail until then", error)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._engine.close()

    @contextlib.asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        # not earlier: whoever reads it may send a signal, and by now there is a loop to take it
        log.info("local service at %s", self.url)
        yield

    def _settings(self) -> uvicorn.Config:
        application = Starlette(
            routes=[
                Route("/v3/token", self._temporary_token),
                Route("/token", self._token),
                WebSocketRoute("/v3/ws", self._stream),
                WebSocketRoute("/{path:path}", _elsewhere),
            ],
            lifespan=self._life,
        )
        # uvicorn prints whole URLs, and so tokens: in its access log, and of WebSockets at "info"
        return uvicorn.Config(
            application,
            ws="wsproto",
            ws_per_message_deflate=False,  # speech doesn't shrink, and it costs both ends
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=3,
            ssl_certfile=self._certificate[0],
            ssl_keyfile=self._certificate[1],
        )

    async def _temporary_token(self, request: Request) -> JSONResponse:
        if not self._admission.has_key(request):
            return JSONResponse({"error": "Not authorized: send an API key"}, 401)
        try:
            wanted = protocol.parameters(request.query_params.multi_items(), TokenParameters)
        except RefusedError as refusal:
            return JSONResponse({"error": str(refusal)}, 400)
        token = self._admission.tokens.issue(
            wanted.expires_in_seconds, wanted.max_session_duration_seconds
        )
        return JSONResponse({"token": token, "expires_in_seconds": wanted.expires_in_seconds})

    async def _token(self, request: Request) -> JSONResponse:
        if not (self._admission.is_open or self._admission.has_key(request)):
            return JSONResponse({"error": "Secret refused: send this service's key"}, 401)
        return JSONResponse({"token": self._admission.tokens.issue(TOKEN_LIFETIME)})

    async def _stream(self, websocket: WebSocket) -> None:
        # a refusal is told in an accepted socket: a handshake's can't carry the protocol's codes
        await websocket.accept()
        try:
            with self._admission.slot(websocket) as slot:
                await self._session(websocket, slot).run()
            await websocket.close(1000)
        except RefusedError as refusal:
            log.info("session refused: %s %s", refusal.code, refusal)
            await _refuse(websocket, refusal)
        except RecognizerError as error:
            log.error("session ended: %s", error)
            await _refuse(websocket, RefusedError(protocol.SERVICE_ERROR, str(error)))
        except WebSocketDisconnect as disconnect:
            log.info("the client went away: %s", disconnect.code)

    def _session(self, websocket: WebSocket, slot: SessionSlot) -> StreamingSession:
        return StreamingSession(
            websocket,
            parameters=protocol.parameters(websocket.query_params.multi_items(), SessionParameters),
            engine=self._engine,
            slot=slot,
            look_ahead=self._look_ahead,
            clock=self._clock,
        )


async def _elsewhere(websocket: WebSocket) -> None:
    # unless told otherwise, Starlette says 403, and that is what a wrong key looks like
    await websocket.send_denial_response(PlainTextResponse("Not Found: stream to /v3/ws", 404))


async def _refuse(websocket: WebSocket, refusal: RefusedError) -> None:
    await websocket.send_text(protocol.encoded(protocol.Error(refusal.code, str(refusal))))
    reason = str(refusal).encode()[:CLOSE_REASON_BYTES].decode(errors="ignore")
    await websocket.close(refusal.code, reason)


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    if certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:  # what ssl raises is one, too
        raise LocalServiceError(
            f"The certificate {certificate} can't be used: {error.strerror or error}. "
            "Name files in PEM form, the certificate's with --certificate, its key's with --key"
        ) from error


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise LocalServiceError(
            f"Can't listen on {host}, port {port}: {error.strerror}. Name another --host or --port"
        ) from error
    # what is accepted inherits this; without it, a client whose cable was pulled stays for hours
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SIGN_OF_LIFE)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SIGN_OF_LIFE)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000 * SIGN_OF_LIFE)
    return listening
