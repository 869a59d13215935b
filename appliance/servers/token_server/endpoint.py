"""What the token server answers: `/token`, `/healthz`.

Whoever has a secret of the register may have tokens; while the register is empty, whoever is on
this machine.
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Collection

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance.servers.token_server.limits import PerMinute
from appliance.servers.token_server.log_limits import LogLimiter
from appliance.servers.token_server.register import Register, RegisterError
from appliance.servers.token_server.vendor import RefusalError, Token

log = logging.getLogger(__name__)

THIS_MACHINE = "this machine"

PROXIES_SAY = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""Headers of a request that a proxy passed on: it may come from anywhere."""


class Endpoint:
    """Answers requests, each on the event loop.

    Args:
        register: who may have tokens.
        mint: returns a new token, or raises a RefusalError.
        check: raises a RefusalError when no token can be minted at all.
        limit: how many each may have.
        sums: tells of those who are turned away.
        origins: web pages that may ask, as in "https://example.org" (CORS).
    """

    def __init__(
        self,
        register: Register,
        mint: Callable[[], Awaitable[Token]],
        check: Callable[[], object],
        limit: PerMinute,
        sums: LogLimiter,
        origins: Collection[str] = (),
    ) -> None:
        self._register = register
        self._mint = mint
        self._check = check
        self._limit = limit
        self._sums = sums
        self._origins = origins
        self._trouble = ""

    def application(self) -> Starlette:
        """Return what uvicorn runs."""
        pages = Middleware(
            CORSMiddleware,
            allow_origins=[origin.rstrip("/") for origin in self._origins],
            allow_methods=["GET"],
            allow_headers=["Authorization"],
        )
        return Starlette(
            routes=[Route("/token", self._token), Route("/healthz", self._health)],
            middleware=[pages] if self._origins else [],
            exception_handlers={HTTPException: _no_such_thing},
        )

    async def _token(self, request: Request) -> Response:
        if request.method == "HEAD":
            raise HTTPException(405)  # a monitor's glance must not cost a token
        name = self._asking(request)
        where = request.client.host if request.client else "an unknown address"
        if name is None:
            return self._turned_away("a stranger", where, self._stranger(request))
        if wait := self._limit.wait(name):
            often = RefusalError(429, "Too many requests", f"again in {wait} s", retry_after=wait)
            return self._turned_away(name, where, often)
        try:
            token = await self._mint()
        except RefusalError as refusal:
            log.warning("no token for %s at %s: %s", name, where, refusal)
            return _refusal(refusal)
        log.info("a token for %s at %s", name, where)
        return JSONResponse(
            {"token": token.token, "expires_in_seconds": token.expires_in_seconds},
            headers={"Cache-Control": "no-store"},
        )

    async def _health(self, _request: Request) -> Response:
        """Tell whether this server can be of use; does not ask the vendor."""
        try:
            self._check()
        except RefusalError as refusal:
            return _refusal(refusal)
        return JSONResponse({"status": "ok"})

    def _asking(self, request: Request) -> str | None:
        """Return the name of who is asking; None for a stranger."""
        self._refresh()
        if not self._register.appliances:
            return THIS_MACHINE if _is_from_here(request) else None
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return self._register.name_of(secret.strip()) if scheme.lower() == "bearer" else None

    def _stranger(self, request: Request) -> RefusalError:
        """Return what a stranger is told."""
        if not self._register.appliances:
            return RefusalError(
                403, "No appliance added", "until one is, only this machine is served"
            )
        if "authorization" not in request.headers:
            return RefusalError(401, "No secret given")
        return RefusalError(401, "Secret refused")

    def _turned_away(self, who: str, where: str, refusal: RefusalError) -> Response:
        """Refuse without asking the vendor; whoever likes may come here by the thousand."""
        self._sums.tell(f"{who}: {refusal.words}", f"no token for {who} at {where}: {refusal}")
        return _refusal(refusal)

    def _refresh(self) -> None:
        """Read the register again; one that can't be read leaves those who were in it."""
        try:
            self._register.refresh()
        except RegisterError as error:
            if str(error) != self._trouble:
                log.error("%s. The appliances known so far are served", error)
            self._trouble = str(error)
        else:
            self._trouble = ""


def _is_from_here(request: Request) -> bool:
    """Tell whether it was sent on this machine, to this machine, and nobody passed it on.

    The name it was sent to matters, since a web page elsewhere can give its own name this address.
    """
    return (
        request.client is not None
        and is_loopback(request.client.host)
        and is_loopback(re.sub(r":\d+$", "", request.headers.get("host", "")).strip("[]"))
        and not any(header in request.headers for header in PROXIES_SAY)
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address, or a name, is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _refusal(refusal: RefusalError) -> JSONResponse:
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after:
        headers["Retry-After"] = str(refusal.retry_after)
    return JSONResponse({"error": refusal.words}, refusal.status, headers)


async def _no_such_thing(_request: Request, error: Exception) -> Response:
    """Answer what is no request for a token in the same form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
