"""The token server: its options, its socket, and running it with uvicorn."""

import asyncio
import functools
import logging
import threading
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import msgspec
import uvicorn

from appliance.servers.connections import (
    REQUEST_TIMEOUT,
    BoundedListener,
    PromptConnection,
    connection_limit,
)
from appliance.servers.listening import (
    ServerError,
    authority,
    check_certificate,
    listening_socket,
    reason,
)
from appliance.servers.log_limits import LogLimiter
from appliance.servers.token_server.endpoint import Endpoint
from appliance.servers.token_server.limits import RateLimit
from appliance.servers.token_server.register import Register, RegisterError, register_path
from appliance.servers.token_server.vendor import VENDOR_URL, MintingPool, TokenRefusedError, Vendor
from appliance.servers.web_pages import WebPages, is_loopback
from appliance.settings.secrets import api_key
from appliance.system.stop_signals import exit_on_stop_signals
from appliance.system.systemd import Watchdog, notify

log = logging.getLogger(__name__)


class Options(msgspec.Struct, frozen=True):
    """Options of `appliance token-server run`, with their defaults.

    Attributes:
        host: address to listen on.
        port: TCP port to listen on; 0 takes a free one.
        secrets: the register's file; None for the default of `register_path`.
        api_key_file: a file with the API key; None for the default of `api_key`.
        certificate: PEM file for TLS, together with `key`.
        key: PEM file with the certificate's private key.
        allow_local: whether programs on this machine need no secret if there never was a register.
        origins: web pages that may send requests, besides those of the browser's own machine.
        expires_in: seconds within which a token must be used.
        max_session_duration: seconds that a token's session may last.
        per_minute: requests that each appliance may make.
        service_url: the vendor's token endpoint.
        ca_file: certificates to trust there besides the public ones.
    """

    host: str = "127.0.0.1"
    port: int = 8766
    secrets: Path | None = None
    api_key_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    allow_local: bool = False
    origins: tuple[str, ...] = ()
    expires_in: int = 60
    max_session_duration: int = 10_800
    per_minute: int = 30
    service_url: str = VENDOR_URL
    ca_file: Path | None = None


def serve(options: Options) -> None:
    """Run the token server in the main thread until a stop signal, then exit with status 0.

    Raises:
        ServerError: an address or a file can't be used.
    """
    exit_on_stop_signals()
    TokenServer(options).run()


class TokenServer:
    """Token server, run in its own thread by a `with` block or in the caller's by `run`.

    >>> import tempfile, urllib.request
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "key").write_text("an-api-key")
    ...     options = Options(port=0, secrets=Path(folder, "s"), api_key_file=Path(folder, "key"))
    ...     with TokenServer(options) as server:
    ...         health = server.url.replace("/token", "/healthz")
    ...         urllib.request.urlopen(health, timeout=10).read()
    b'{"status":"ok"}'

    Args:
        options: how to run it.
        max_connections: connections open at a time; None for 500, or half of the descriptors.
        request_timeout: seconds in which a whole request must arrive on a connection.

    Raises:
        ServerError: an address or a file can't be used.
    """

    def __init__(
        self,
        options: Options,
        *,
        max_connections: int | None = None,
        request_timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        self._options = options
        self._request_timeout = request_timeout
        check_certificate(options.certificate, options.key)
        self._register = Register(options.secrets or register_path())
        try:
            self._register.refresh()
        except RegisterError as error:
            raise ServerError(str(error)) from error
        self._vendor = _vendor(options)
        self._minting = MintingPool(self._vendor.mint)
        self._log_limiter = LogLimiter()
        self._server = uvicorn.Server(self._configuration())
        self._socket = BoundedListener(
            listening_socket(options.host, options.port),
            self._log_limiter,
            max_connections or connection_limit(),
        )
        self._thread = threading.Thread(target=self.run, name="token-server")

    @property
    def url(self) -> str:
        """The URL of `/token`, for an appliance on this machine."""
        scheme = "https" if self._options.certificate else "http"
        return f"{scheme}://{authority(self._options.host, self._socket)}/token"

    def run(self) -> None:
        """Serve in this thread until a signal ends it."""
        self._log_start()
        notify("READY=1")  # the socket listens already
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._minting.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def _configuration(self) -> uvicorn.Config:
        options = self._options
        endpoint = Endpoint(
            self._register,
            self._minting.mint,
            self._vendor.key,
            RateLimit(options.per_minute),
            self._log_limiter,
            WebPages(options.origins, any_name=True),
            allow_local=options.allow_local,
        )
        watchdog = Watchdog()

        async def feed_watchdog() -> None:
            watchdog.feed()

        connection = functools.partial(PromptConnection, request_timeout=self._request_timeout)
        return uvicorn.Config(
            endpoint.application(),
            http=cast("type[asyncio.Protocol]", connection),
            # Requests are rare, and appliances open a connection for each.
            headers=[("Connection", "close")],
            loop="asyncio",  # another would bypass BoundedListener.accept
            ws="none",
            lifespan="off",
            access_log=False,  # it logs whole URLs
            log_config=None,
            log_level="error",  # it logs a warning for each malformed request
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            callback_notify=feed_watchdog,
            timeout_notify=5,
            timeout_graceful_shutdown=10,
            ssl_certfile=options.certificate,
            ssl_keyfile=options.key,
        )

    def _log_start(self) -> None:
        """Log the address, and what will not work and why."""
        options = self._options
        log.info("token server at %s", self.url)
        if options.allow_local and not self._register.exists:
            log.warning(
                "--allow-local: every program on this machine gets tokens without a secret. Use it "
                "to try the server, and never behind a proxy"
            )
        elif not self._register.appliances:
            log.warning(
                "No appliance is in %s, so nobody is served: appliance token-server add NAME%s",
                self._register.path,
                ". --allow-local is only for a server that never had one"
                if options.allow_local
                else "",
            )
        elif not (options.certificate or is_loopback(options.host)):
            log.warning(
                "Secrets and tokens cross the network unprotected: "
                "give --certificate and --key, or serve 127.0.0.1 behind a proxy"
            )
        try:
            self._vendor.key()
        except TokenRefusedError as refusal:
            log.warning("%s: nobody gets a token until it is there", refusal)


def _vendor(options: Options) -> Vendor:
    try:
        return Vendor(
            lambda: api_key(options.api_key_file),
            options.service_url,
            options.expires_in,
            options.max_session_duration,
            str(options.ca_file) if options.ca_file else None,
        )
    except OSError as error:
        raise ServerError(
            f"The certificates in {options.ca_file} can't be used: {reason(error)}"
        ) from error
