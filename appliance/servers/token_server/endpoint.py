"""HTTP endpoints of the token server: `/token` and `/healthz`.

Tokens are for those who send a secret of the register. If it never existed, and the owner allows
this, programs on this machine need none.
"""

import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance.servers.log_limits import LogLimiter
from appliance.servers.token_server.limits import RateLimit
from appliance.servers.token_server.register import Register, RegisterError
from appliance.servers.token_server.vendor import Token, TokenRefusedError
from appliance.servers.web_pages import WebPages, host_name, is_loopback

log = logging.getLogger(__name__)

THIS_MACHINE = "this machine"

PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""Headers of a request that a proxy passed on: it may come from anywhere."""


class Endpoint:
    """Request handlers of the token server, on the event loop.

    Args:
        register: the appliances that may have tokens.
        mint: returns a new token, or raises `TokenRefusedError`.
        check: raises `TokenRefusedError` if no token can be minted at all.
        rate_limit: limits the requests of each appliance.
        log_limiter: logs the requests that are refused.
        pages: web pages that may send requests.
        allow_local: whether programs on this machine need no secret if there never was a register.
    """

    def __init__(
        self,
        register: Register,
        mint: Callable[[], Awaitable[Token]],
        check: Callable[[], object],
        rate_limit: RateLimit,
        log_limiter: LogLimiter,
        pages: WebPages,
        *,
        allow_local: bool = False,
    ) -> None:
        self._register = register
        self._mint = mint
        self._check = check
        self._rate_limit = rate_limit
        self._log_limiter = log_limiter
        self._pages = pages
        self._allow_local = allow_local
        self._register_error = ""

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[Route("/token", self._token), Route("/healthz", self._health)],
            middleware=[self._pages.cors()],
            exception_handlers={HTTPException: _http_error},
        )

    async def _token(self, request: Request) -> Response:
        if request.method == "HEAD":
            raise HTTPException(405)  # a monitor's probe must not cost a token
        name = self._sender_of(request)
        address = request.client.host if request.client else "an unknown address"
        if name is None:
            return self._refused("a stranger", address, self._refusal_of_stranger(request))
        if wait := self._rate_limit.wait(name):
            too_many = TokenRefusedError(
                429, "Too many requests", f"again in {wait} s", retry_after=wait
            )
            return self._refused(name, address, too_many)
        try:
            token = await self._mint()
        except TokenRefusedError as refusal:
            log.warning("no token for %s at %s: %s", name, address, refusal)
            return _answer(refusal)
        log.info("a token for %s at %s", name, address)
        return JSONResponse(
            {"token": token.token, "expires_in_seconds": token.expires_in_seconds},
            headers={"Cache-Control": "no-store"},
        )

    async def _health(self, _request: Request) -> Response:
        """Report whether tokens can be minted, without a request to the vendor."""
        try:
            self._check()
        except TokenRefusedError as refusal:
            return _answer(refusal)
        return JSONResponse({"status": "ok"})

    def _sender_of(self, request: Request) -> str | None:
        """Return the name of the appliance that sent a request; None for a stranger."""
        self._refresh_register()
        if self._allow_local and not self._register.exists:
            is_allowed = _is_local(request) and not self._pages.refusal(request)
            return THIS_MACHINE if is_allowed else None
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return self._register.name_of(secret.strip()) if scheme.lower() == "bearer" else None

    def _refusal_of_stranger(self, request: Request) -> TokenRefusedError:
        if not self._register.appliances:
            return TokenRefusedError(
                403, "No appliance added", "appliance token-server add NAME adds one"
            )
        if "authorization" not in request.headers:
            return TokenRefusedError(401, "No secret given")
        return TokenRefusedError(401, "Secret refused")

    def _refused(self, sender: str, address: str, refusal: TokenRefusedError) -> Response:
        """Refuse without a request to the vendor; there may be thousands of such requests."""
        self._log_limiter.warning(
            f"{sender}: {refusal.reason}", f"no token for {sender} at {address}: {refusal}"
        )
        return _answer(refusal)

    def _refresh_register(self) -> None:
        """Read the register if it has changed; if that fails, keep the appliances known so far."""
        try:
            self._register.refresh()
        except RegisterError as error:
            if str(error) != self._register_error:
                log.error("%s. The appliances known so far are served", error)
            self._register_error = str(error)
        else:
            self._register_error = ""


def _is_local(request: Request) -> bool:
    """Return whether a request was sent from this machine to this machine, without a proxy.

    The host name in the request matters: a web page elsewhere can give its own name the address
    127.0.0.1 (DNS rebinding).
    """
    return (
        request.client is not None
        and is_loopback(request.client.host)
        and is_loopback(host_name(request.headers.get("host", "")))
        and not any(header in request.headers for header in PROXY_HEADERS)
    )


def _answer(refusal: TokenRefusedError) -> JSONResponse:
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after:
        headers["Retry-After"] = str(refusal.retry_after)
    return JSONResponse({"error": refusal.reason}, refusal.status, headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    """Answer other failed requests, such as for an unknown path, in the same form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
