"""Checks of the network: names resolve, and the service and the token server answer over TLS."""

import ssl
from collections.abc import Iterator
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from appliance.core.network_errors import cause_of
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed_with, fine, warning
from appliance.maintenance.doctor.runner import Check
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Outcome, Stage
from appliance.system.connector import look_up
from appliance.system.http_client import FAILURES, open_socket
from appliance.system.proxy import proxy_for
from appliance.system.time_limit import TimeLimit

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

    `ca_file` holds certificates to trust besides those of the system. What fails is
    reported in the words that the appliance has at this `stage`. `timeout` is in seconds, for a
    connection with its TLS.
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
        peer = cls(settings.token_url, settings.ca_file, Stage.TOKEN)
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
    def address(self) -> tuple[str, int]:
        """Host and port.

        Raises:
            ValueError: the address is invalid.
        """
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if self.is_secure else 80)

    def look_up(self) -> CheckResult:
        """Check that the name resolves to an address."""
        try:
            host, port = self.address
            if proxy := proxy_for(self.url):
                host, port = proxy.host, proxy.port
            answers = look_up(host, port, TimeLimit(self.timeout))
        except (OSError, ValueError) as error:
            return self._failed(error)
        addresses = list(dict.fromkeys(str(place[0]) for _, place in answers))
        if host in addresses:
            return fine(f"{host} is an address already")
        others = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        return fine(f"{host} is {addresses[0]}{others}")

    def connect(self) -> CheckResult:
        """Check that it answers, with a certificate that can be trusted."""
        try:
            with (
                TimeLimit(self.timeout) as limit,
                open_socket(self.url, limit, ca_file=self.ca_file) as connection,
            ):
                if isinstance(connection, ssl.SSLSocket):
                    return self._over_tls(connection)
                return self._without_tls(connection.getpeername()[0])
        except FAILURES as error:
            return self._failed(error)

    def _over_tls(self, connection: ssl.SSLSocket) -> CheckResult:
        until = (connection.getpeercert() or {}).get("notAfter", "at a time unknown")
        return fine(f"{self} answers over {connection.version()}, its certificate ends {until}")

    def _without_tls(self, address: str) -> CheckResult:
        if address.startswith("127.") or address == "::1":
            return fine(f"{self} answers without TLS, on this machine")
        remedy = "others can read what is said: use a wss:// or https:// address"
        return warning(f"{self} answers, without TLS", remedy)

    def _failed(self, error: Exception) -> CheckResult:
        first = error.__cause__ or error
        reason = getattr(first, "verify_message", None) or getattr(first, "strerror", None)
        return failed_with(Outcome(self.stage, cause=cause_of(error)), f"{self}: {reason or first}")


def _checks_of(peer: Peer, dns: str, tls: str) -> Iterator[Check]:
    yield Check(dns, peer.look_up, overdue_remedy="check Wi-Fi or cable", needs=NEEDS_SETTINGS)
    yield Check(
        tls,
        peer.connect,
        time_limit=6,
        overdue_remedy="check the network",
        needs={dns: "no address"},
    )
