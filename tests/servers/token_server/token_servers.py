"""Token servers on the loopback with a simulated vendor, and the appliances that use them."""

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from appliance.servers.token_server.register import Register
from appliance.servers.token_server.server import Options, TokenServer
from appliance.settings.schema import ServiceSettings
from appliance.streaming.tokens import TokenError, TokenSource
from tests.rig.listener import Listener
from tests.rig.service import ScriptedService


def options(folder: Path, vendor: ScriptedService, **changed: Any) -> Options:  # noqa: ANN401
    """Return options for a server whose register and API key are in this folder.

    It serves this machine as long as there is no register.
    """
    key = folder / "key"
    if not key.exists():
        key.write_text(vendor.api_key)
    usual = Options(
        port=0,
        secrets=register(folder).path,
        allow_local=True,
        api_key_file=key,
        service_url=vendor.api_token_url,
    )
    return msgspec.structs.replace(usual, **changed)


def register(folder: Path) -> Register:
    return Register(folder / "appliances.json")


def appliance(server: TokenServer, secret: str, folder: Path, ca_file: str = "") -> TokenSource:
    """Return the token client of an appliance with this secret."""
    file = folder / f"secret-{secret[:8]}"
    file.write_text(secret)
    return TokenSource(
        ServiceSettings(token_url=server.url, token_secret_file=str(file), ca_file=ca_file)
    )


def refused(source: TokenSource) -> tuple[int | None, str]:
    """Return status and words of the refusal that an appliance receives."""
    try:
        source.fetch()
    except TokenError as error:
        return error.outcome.code, error.outcome.text
    raise AssertionError("it got a token")


class HeldVendor:
    """A vendor that answers with a token, but not before `answer` is set.

    `requests` is how many have arrived.
    """

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.requests = 0
        self._lock = threading.Lock()
        self._listener = Listener("held vendor", self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}/v3/token"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.answer.set()
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            connection.recv(65_536)
            with self._lock:
                self.requests += 1
            self.answer.wait()
            body = b'{"token": "a-token"}'
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
