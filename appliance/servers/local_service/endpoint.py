"""HTTP and WebSocket endpoints of the local service.

`/v3/ws` is the stream, `/v3/token` issues temporary tokens for it, and `/token` does so as a token
server would.
"""

import contextlib
import logging
import time
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from appliance.servers.local_service import protocol
from appliance.servers.local_service.admission import Admission, SessionSlot
from appliance.servers.local_service.engines.base import Engine, RecognizerError
from appliance.servers.local_service.heartbeat import HEARTBEAT_INTERVAL
from appliance.servers.local_service.parameters import (
    SessionParameters,
    TokenParameters,
    parameters,
)
from appliance.servers.local_service.refusals import SERVICE_ERROR, RefusedError
from appliance.servers.local_service.session import StreamingSession
from appliance.servers.log_limits import LogLimiter
from appliance.servers.web_pages import PageRefusal, WebPages

log = logging.getLogger(__name__)

TOKEN_LIFETIME = 60
"""Seconds within which a token from `/token` must be used."""

MAX_CLOSE_REASON = 123
"""Bytes of the text in a close frame (RFC 6455, 5.5)."""

LONG_REASON = "See the Error message for the reason"
"""The text of the close frame if the reason does not fit into one."""


class Endpoint:
    """Request handlers of the local service, on the event loop.

    Args:
        engine: has the recognizers of the sessions.
        admission: admits clients.
        look_ahead: seconds by which audio may be ahead of real time.
        log_limiter: logs the sessions that are refused.
        pages: web pages that may use the service.
        heartbeat_interval: seconds between two heartbeats of a session.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        engine: Engine,
        admission: Admission,
        look_ahead: float,
        log_limiter: LogLimiter,
        pages: WebPages,
        heartbeat_interval: float = HEARTBEAT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._admission = admission
        self._look_ahead = look_ahead
        self._log_limiter = log_limiter
        self._pages = pages
        self._heartbeat_interval = heartbeat_interval
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the ASGI application."""
        return [
            Route("/v3/token", self._temporary_token),
            Route("/token", self._token),
            WebSocketRoute("/v3/ws", self._stream),
            WebSocketRoute("/{path:path}", _not_found),
        ]

    async def _temporary_token(self, request: Request) -> JSONResponse:
        if denial := self._denial(request, "Not authorized: send an API key"):
            return denial
        try:
            wanted = parameters(request.query_params.multi_items(), TokenParameters)
        except RefusedError as refusal:
            return JSONResponse({"error": str(refusal)}, 400)
        token = self._admission.tokens.issue(
            wanted.expires_in_seconds, wanted.max_session_duration_seconds
        )
        return JSONResponse({"token": token, "expires_in_seconds": wanted.expires_in_seconds})

    async def _token(self, request: Request) -> JSONResponse:
        needs_key = not self._admission.is_open
        if denial := self._denial(request, "Secret refused: send this service's key", needs_key):
            return denial
        return JSONResponse({"token": self._admission.tokens.issue(TOKEN_LIFETIME)})

    def _denial(
        self, request: Request, without_key: str, needs_key: bool = True
    ) -> JSONResponse | None:
        """Return the answer to a request that gets no token; None for one that does."""
        try:
            if refusal := self._page_refusal(request):
                return JSONResponse({"error": refusal.words}, refusal.status)
            has_key = not needs_key or self._admission.has_key(request)
        except RefusedError as too_many:
            return JSONResponse({"error": str(too_many)}, 429)
        return None if has_key else JSONResponse({"error": without_key}, 401)

    def _page_refusal(self, connection: HTTPConnection) -> PageRefusal | None:
        """Return why a web page may not have what it asks for; None if it may."""
        refusal = self._pages.refusal(connection)
        if refusal is None or self._admission.is_proven(connection):
            return None
        self._log_limiter.warning(
            "page", f"refused: {refusal.words}. --name and --origin say what may use it"
        )
        return refusal._replace(words=f"Not allowed: {refusal.words}")

    async def _stream(self, websocket: WebSocket) -> None:
        denial = None
        with contextlib.suppress(RefusedError):  # which follows below
            denial = self._page_refusal(websocket)
        if denial:
            await websocket.send_denial_response(PlainTextResponse(denial.words, denial.status))
            return
        # Accept before a refusal: a refused handshake can't carry the protocol's error codes.
        await websocket.accept()
        try:
            with self._admission.slot(websocket) as slot:
                await self._session(websocket, slot).run()
            await websocket.close(1000)
        except RefusedError as refusal:
            self._log_limiter.warning(
                f"refused: {refusal.code}", f"session refused: {refusal.code} {refusal}"
            )
            await _refuse(websocket, refusal)
        except RecognizerError as error:
            self._log_limiter.warning("engine", f"session ended: {error}")
            await _refuse(websocket, RefusedError(SERVICE_ERROR, str(error)))
        except WebSocketDisconnect as disconnect:
            log.info("the client disconnected: %s", disconnect.code)

    def _session(self, websocket: WebSocket, slot: SessionSlot) -> StreamingSession:
        return StreamingSession(
            websocket,
            parameters=parameters(websocket.query_params.multi_items(), SessionParameters),
            engine=self._engine,
            slot=slot,
            look_ahead=self._look_ahead,
            heartbeat_interval=self._heartbeat_interval,
            clock=self._clock,
        )


async def _not_found(websocket: WebSocket) -> None:
    # Starlette's default is 403, which would look like a wrong key.
    await websocket.send_denial_response(PlainTextResponse("Not Found: stream to /v3/ws", 404))


async def _refuse(websocket: WebSocket, refusal: RefusedError) -> None:
    if websocket.application_state is not WebSocketState.CONNECTED:
        return  # the client has gone
    is_short = len(str(refusal).encode()) <= MAX_CLOSE_REASON
    with contextlib.suppress(WebSocketDisconnect):
        await websocket.send_text(protocol.encoded(protocol.Error(refusal.code, str(refusal))))
        await websocket.close(refusal.code, str(refusal) if is_short else LONG_REASON)
