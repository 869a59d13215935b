"""The token server as a program: its options, its socket, its end."""

import logging
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import uvicorn

from appliance.servers.token_server.connections import BoundedListener, PromptConnection
from appliance.servers.token_server.endpoint import Endpoint, is_loopback
from appliance.servers.token_server.limits import PerMinute
from appliance.servers.token_server.log_limits import LogLimiter
from appliance.servers.token_server.minting_queue import MintingQueue
from appliance.servers.token_server.register import Register, RegisterError, register_path
from appliance.servers.token_server.vendor import VENDOR, RefusalError, Vendor
from appliance.settings.secrets import api_key
from appliance.system.systemd import Watchdog, notify

log = logging.getLogger(__name__)


class TokenServerError(Exception):
    """The server can't start; the message says why and what to do."""


class Options(msgspec.Struct, frozen=True):
    """How it is run; the defaults are the command line's.

    `secrets` is the register's file. `certificate` and `key` are PEM files, both or none.
    `expires_in` and `longest_session` are seconds, `per_minute` tokens for each appliance.
    """

    host: str = "127.0.0.1"
    port: int = 8766
    secrets: Path | None = None
    api_key_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    origins: tuple[str, ...] = ()
    expires_in: int = 60
    longest_session: int = 10_800
    per_minute: int = 30
    service_url: str = VENDOR
    ca_file: Path | None = None


def serve(options: Options) -> None:
    """Run the token server in the main thread until SIGINT or SIGTERM, then exit with status 0.

    Raises:
        TokenServerError: an address or a file can't be used.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal that ended it once more when all is closed
        signal.signal(number, lambda *_: sys.exit(0))
    TokenServer(options).run()


class TokenServer:
    """The token server in a thread of its own, or by `run` in the caller's.

        with TokenServer(Options(port=0)) as server:
            ...  # an appliance asks server.url

    `port` 0 takes a free one.

    Raises:
        TokenServerError: an address or a file can't be used.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._register = Register(options.secrets or register_path())
        try:
            self._register.refresh()
        except RegisterError as error:
            raise TokenServerError(str(error)) from error
        self._vendor = self._made_vendor()
        self._minting = MintingQueue(self._vendor.mint)
        self._sums = LogLimiter()
        self._server = uvicorn.Server(self._settings())
        self._socket = _listening(options.host, options.port, self._sums)
        self._thread = threading.Thread(target=self.run, name="token-server")

    @property
    def url(self) -> str:
        """Where an appliance on this machine gets its tokens."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        scheme = "https" if self._options.certificate else "http"
        return f"{scheme}://{host}:{self._socket.getsockname()[1]}/token"

    def run(self) -> None:
        """Serve in this thread until a signal ends it."""
        self._introduce()
        notify("READY=1")  # who connects from now on is heard
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

    def _made_vendor(self) -> Vendor:
        options = self._options
        try:
            return Vendor(
                lambda: api_key(options.api_key_file),
                options.service_url,
                options.expires_in,
                options.longest_session,
                str(options.ca_file) if options.ca_file else None,
            )
        except OSError as error:
            raise TokenServerError(
                f"The certificates in {options.ca_file} can't be used: {_reason(error)}"
            ) from error

    def _settings(self) -> uvicorn.Config:
        options = self._options
        endpoint = Endpoint(
            self._register,
            self._minting.token,
            self._vendor.key,
            PerMinute(options.per_minute),
            self._sums,
            options.origins,
        )
        watchdog = Watchdog()

        async def feed_watchdog() -> None:
            watchdog.feed()

        settings = uvicorn.Config(
            endpoint.application(),
            http=PromptConnection,
            # Appliances ask seldom, and each time anew.
            headers=[("Connection", "close")],
            loop="asyncio",  # another would not ask a BoundedListener
            ws="none",
            lifespan="off",
            access_log=False,  # it prints whole addresses
            log_config=None,
            log_level="error",  # it warns of all that strangers send, a line each
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            callback_notify=feed_watchdog,
            timeout_notify=5,
            timeout_graceful_shutdown=10,
            ssl_certfile=options.certificate,
            ssl_keyfile=options.key,
        )
        _load(settings, options)
        return settings

    def _introduce(self) -> None:
        """Say what will work and what won't, and why."""
        options = self._options
        log.info("token server at %s", self.url)
        if not self._register.appliances:
            log.warning(
                "No appliance is in %s yet, so only this machine is served, and without a secret. "
                "To serve others: appliance token-server add NAME",
                self._register.path,
            )
        elif not (options.certificate or is_loopback(options.host)):
            log.warning(
                "Secrets and tokens cross the network unprotected: "
                "give --certificate and --key, or serve 127.0.0.1 behind a proxy"
            )
        try:
            self._vendor.key()
        except RefusalError as refusal:
            log.warning("%s: nobody gets a token until it is there", refusal)


def _load(settings: uvicorn.Config, options: Options) -> None:
    """Let uvicorn read the certificate now, so that what is wrong with it can be told.

    Raises:
        TokenServerError: it can't be read, is none, or does not belong to the key.
    """
    try:
        settings.load()
    except OSError as error:
        raise TokenServerError(
            f"The certificate {options.certificate} with the key {options.key} can't be used: "
            f"{_reason(error)}"
        ) from error


def _listening(host: str, port: int, sums: LogLimiter) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # All appliances come at once when the power does.
        listening = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = _reason(error).partition(" (")[0]  # the address stands there once more
        raise TokenServerError(
            f"Can't listen on {host}, port {port}: {reason}. Name another --host or --port"
        ) from error
    return BoundedListener(listening, sums)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not in PEM form").replace("_", " ").lower()
    return error.strerror or "it can't be used"
