"""Checks of the network: names resolve, and the service and the token server answer over TLS."""

import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from appliance.core.network_errors import cause_of
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed_with, fine, warning
from appliance.maintenance.doctor.runner import Check
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Outcome, Stage

DNS, TLS = "DNS", "TLS"
TOKEN_DNS, TOKEN_TLS = "token DNS", "token TLS"
"""Names of the checks."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the checks of the way to the service, and to a token server on another machine."""
    settings = context.settings.service
    yield from _checks_of(Peer.service(settings), DNS, TLS)
    if token_server := Peer.token_server(settings):
        yield from _checks_of(token_server, TOKEN_DNS, TOKEN_TLS)


class Peer(NamedTuple):
    """Server at `url`.

    `ca_file` holds the certificates to trust; if it is empty, those of the system. What fails is
    reported in the words that the appliance has at this `stage`. `timeout` is in seconds, for a
    connection, and again for its TLS.
    """

    url: str
    ca_file: str
    stage: Stage
    timeout: float = 5.0

    @classmethod
    def service(cls, settings: ServiceSettings) -> Self:
        """Return the service."""
        return cls(settings.url, settings.ca_file, Stage.HANDSHAKE)

    @classmethod
    def token_server(cls, settings: ServiceSettings) -> Self | None:
        """Return the token server; None if it is the service itself."""
        # requests trusts a list of its own.
        trusted = settings.ca_file or DEFAULT_CA_BUNDLE_PATH
        peer = cls(settings.token_url, trusted, Stage.TOKEN)
        is_another = settings.token_url and str(peer) != str(cls.service(settings))
        return peer if is_another else None

    def __str__(self) -> str:
        """Return host and port as in the address, without a password."""
        return self.url.partition("://")[2].partition("/")[0].rpartition("@")[2]

    @property
    def is_secure(self) -> bool:
        """Whether the address asks for TLS."""
        return self.url.startswith(("wss://", "https://"))

    @property
    def place(self) -> tuple[str, int]:
        """Host and port.

        Raises:
            ValueError: the address is invalid.
        """
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if self.is_secure else 80)

    def look_up(self) -> CheckResult:
        """Check that the name resolves to an address."""
        try:
            host, port = self.place
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            return self._failed(error)
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if host in addresses:
            return fine(f"{host} is an address already")
        others = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        return fine(f"{host} is {addresses[0]}{others}")

    def connect(self) -> CheckResult:
        """Check that it answers, with a certificate that can be trusted."""
        try:
            with socket.create_connection(self.place, self.timeout) as connection:
                if self.is_secure:
                    return self._trust(connection)
                return self._without_tls(connection.getpeername()[0])
        except (OSError, ValueError) as error:
            return self._failed(error)

    def _trust(self, connection: socket.socket) -> CheckResult:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        with context.wrap_socket(connection, server_hostname=self.place[0]) as trusted:
            until = (trusted.getpeercert() or {}).get("notAfter", "at a time unknown")
            return fine(f"{self} answers over {trusted.version()}, its certificate ends {until}")

    def _without_tls(self, address: str) -> CheckResult:
        if address.startswith("127.") or address == "::1":
            return fine(f"{self} answers without TLS, on this machine")
        remedy = "others can read what is said: use a wss:// or https:// address"
        return warning(f"{self} answers, without TLS", remedy)

    def _failed(self, error: OSError | ValueError) -> CheckResult:
        reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
        return failed_with(Outcome(self.stage, cause=cause_of(error)), f"{self}: {reason or error}")


def _checks_of(peer: Peer, dns: str, tls: str) -> Iterator[Check]:
    yield Check(dns, peer.look_up, overdue_remedy="check Wi-Fi or cable", needs=NEEDS_SETTINGS)
    yield Check(
        tls,
        peer.connect,
        time_limit=6,
        overdue_remedy="check the network",
        needs={dns: "no address"},
    )
