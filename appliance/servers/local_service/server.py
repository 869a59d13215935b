"""Local transcription service: the cloud service's protocol on this machine.

It is for demonstrations, tests and homes without a cloud.
"""

import asyncio
import contextlib
import functools
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import uvicorn
from starlette.applications import Starlette

from appliance.servers.connections import (
    REQUEST_TIMEOUT,
    BoundedListener,
    PromptConnection,
    connection_limit,
)
from appliance.servers.listening import authority, check_certificate, listening_socket
from appliance.servers.local_service.admission import Admission
from appliance.servers.local_service.endpoint import Endpoint
from appliance.servers.local_service.engines.base import Engine, RecognizerError
from appliance.servers.local_service.engines.registry import engine_named
from appliance.servers.local_service.heartbeat import HEARTBEAT_INTERVAL
from appliance.servers.local_service.stream_connection import MAX_MESSAGE, StreamConnection
from appliance.servers.log_limits import LogLimiter
from appliance.servers.web_pages import WebPages
from appliance.system.stop_signals import exit_on_stop_signals

log = logging.getLogger(__name__)

LOOK_AHEAD = 310.0
"""Seconds by which audio may be ahead of real time, as observed at the cloud service."""

KEEPALIVE_INTERVAL = 10
"""Seconds of silence after which TCP probes a client's machine. After three times as long without
an answer, its session ends, even if no other client needs the slot."""


def serve(
    host: str = "127.0.0.1",
    port: int = 8765,
    engine: str = "pocketsphinx",
    keys: Collection[str] = (),
    certificate: Path | None = None,
    key: Path | None = None,
    max_sessions: int | None = None,
    origins: Collection[str] = (),
    names: Collection[str] = (),
) -> None:
    """Run the local service in the main thread until a stop signal, then exit with status 0.

    Raises:
        UnknownEngineError: there is no such engine.
        ServerError: the address or the certificate can't be used.
    """
    exit_on_stop_signals()
    LocalService(
        host,
        port,
        engine,
        keys=keys,
        certificate=certificate,
        key=key,
        max_sessions=max_sessions,
        origins=origins,
        names=names,
    ).run()


class LocalService:
    """Local transcription service, run in its own thread by a `with` block or by `run`.

    >>> import json, urllib.request
    >>> with LocalService() as service:
    ...     answer = urllib.request.urlopen(service.token_url, timeout=10).read()
    ...     stream = f"{service.url}?token={json.loads(answer)['token']}&sample_rate=16000"
    >>> stream.startswith("ws://127.0.0.1:")
    True

    Args:
        host: address to listen on.
        port: TCP port to listen on; 0 takes a free one.
        engine: a speech recognition engine, or its name as for `--engine`.
        keys: API keys. One of them is then needed as `Authorization`, or a token for a session;
            without `keys` any key is accepted, and everybody may have a token.
        certificate: PEM file for TLS.
        key: PEM file with its private key, unless that is in the same file.
        max_sessions: sessions at a time; None for two for each core, and at least four. Further
            ones are refused (3009), unless a client that has been silent for five seconds loses
            its session (3006).
        origins: web pages that may use the service, besides those of the browser's own machine.
        names: public names of this machine, unless a certificate proves them.
        look_ahead: seconds by which audio may be ahead of real time.
        heartbeat_interval: seconds between two heartbeats of a session that wants them.
        keepalive: seconds of silence after which TCP probes a client's machine.
        max_connections: connections open at a time; None for 500, or half of the descriptors.
        request_timeout: seconds in which a whole request must arrive on a connection.
        clock: monotonic seconds.

    If the engine is not available at the start, the service runs, and sessions fail (3005) until it
    is.

    Raises:
        UnknownEngineError: there is no such engine.
        ServerError: the address or the certificate can't be used.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        engine: str | Engine = "pocketsphinx",
        *,
        keys: Collection[str] = (),
        certificate: Path | None = None,
        key: Path | None = None,
        max_sessions: int | None = None,
        origins: Collection[str] = (),
        names: Collection[str] = (),
        look_ahead: float = LOOK_AHEAD,
        heartbeat_interval: float = HEARTBEAT_INTERVAL,
        keepalive: int = KEEPALIVE_INTERVAL,
        max_connections: int | None = None,
        request_timeout: float = REQUEST_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine_named(engine) if isinstance(engine, str) else engine
        self._certificate = (certificate, key)
        check_certificate(certificate, key)
        self._host = host
        self._request_timeout = request_timeout
        self._pages = WebPages(origins, names, any_name=certificate is not None)
        log_limiter = LogLimiter()
        self._socket = BoundedListener(
            _listening_socket(host, port, keepalive),
            log_limiter,
            max_connections or connection_limit(),
        )
        self._endpoint = Endpoint(
            self._engine,
            Admission(keys, max_sessions, clock),
            look_ahead,
            log_limiter,
            self._pages,
            heartbeat_interval,
            clock,
        )
        self._server = uvicorn.Server(self._configuration())
        self._thread = threading.Thread(target=self._serve, name="local-service")

    @property
    def url(self) -> str:
        """The WebSocket URL of the stream."""
        return f"{'wss' if self._certificate[0] else 'ws'}://{self._address}/v3/ws"

    @property
    def token_url(self) -> str:
        """The URL at which an appliance fetches its tokens."""
        return f"{'https' if self._certificate[0] else 'http'}://{self._address}/token"

    def start(self) -> None:
        """Load the recognizer and serve in the background; return when clients can connect."""
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
        return authority(self._host, self._socket)

    def _warm_up(self) -> None:
        try:
            self._engine.warm_up()
        except RecognizerError as error:
            log.error("%s. Sessions fail until the engine is available", error)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._engine.close()

    @contextlib.asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        # Logged only now: a reader may send a signal at once, which the running loop handles.
        log.info("local service at %s", self.url)
        yield

    def _configuration(self) -> uvicorn.Config:
        application = Starlette(
            routes=self._endpoint.routes(), middleware=[self._pages.cors()], lifespan=self._life
        )
        connection = functools.partial(PromptConnection, request_timeout=self._request_timeout)
        # uvicorn logs whole URLs, with tokens: in its access log, and WebSockets' at level "info".
        return uvicorn.Config(
            application,
            http=cast("type[asyncio.Protocol]", connection),
            ws=StreamConnection,
            ws_max_size=MAX_MESSAGE,
            ws_per_message_deflate=False,  # speech does not shrink, and deflating costs CPU time
            loop="asyncio",  # another would bypass BoundedListener.accept
            access_log=False,
            log_config=None,
            log_level="error",  # it logs a warning for each malformed request
            timeout_graceful_shutdown=3,
            ssl_certfile=self._certificate[0],
            ssl_keyfile=self._certificate[1],
        )


def _listening_socket(host: str, port: int, keepalive: int) -> socket.socket:
    listening = listening_socket(host, port)
    # Accepted sockets inherit these options. Without them, the session of a client whose cable was
    # pulled would last for hours.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, keepalive)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, keepalive)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000 * keepalive)
    return listening
