"""The way to the service and to the token server: their names, and who answers there."""

import socket
import ssl
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from msgspec.structs import replace
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from appliance.core.events import Fault
from appliance.core.network_errors import cause_of
from appliance.maintenance.doctor.result import CheckResult, failing, fine, warning
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Outcome, Stage, fault_for

CONNECT_TIME = 5.0
"""Seconds for a connection, and again for its TLS."""


class Peer(NamedTuple):
    """Who is to be reached at `url`.

    `ca_file` holds the certificates to trust; those of the system where it is empty. What fails is
    told as the appliance would tell it at this `stage`.
    """

    url: str
    ca_file: str
    stage: Stage

    @classmethod
    def service(cls, settings: ServiceSettings) -> Self:
        """Return who transcribes."""
        return cls(settings.url, settings.ca_file, Stage.HANDSHAKE)

    @classmethod
    def token_server(cls, settings: ServiceSettings) -> Self | None:
        """Return who gives tokens; None where that is the service itself."""
        # requests trusts a list of its own.
        trusted = settings.ca_file or DEFAULT_CA_BUNDLE_PATH
        peer = cls(settings.token_url, trusted, Stage.TOKEN)
        is_another = settings.token_url and str(peer) != str(cls.service(settings))
        return peer if is_another else None

    def __str__(self) -> str:
        """Return host and port as the address has them, without a password."""
        return self.url.partition("://")[2].partition("/")[0].rpartition("@")[2]

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith(("wss://", "https://"))

    @property
    def place(self) -> tuple[str, int]:
        """The host and the port.

        Raises:
            ValueError: the address is none.
        """
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if self.is_secure else 80)

    def look_up(self) -> CheckResult:
        """Tell whether the name leads to an address."""
        try:
            host, port = self.place
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            return self._failing(error)
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if host in addresses:
            return fine(f"{host} is an address already")
        others = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        return fine(f"{host} is {addresses[0]}{others}")

    def connect(self) -> CheckResult:
        """Tell whether it answers, and is who it says."""
        try:
            with socket.create_connection(self.place, CONNECT_TIME) as connection:
                if self.is_secure:
                    return self._trust(connection)
                return self._without_tls(connection.getpeername()[0])
        except (OSError, ValueError) as error:
            return self._failing(error)

    def _trust(self, connection: socket.socket) -> CheckResult:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        with context.wrap_socket(connection, server_hostname=self.place[0]) as trusted:
            until = (trusted.getpeercert() or {}).get("notAfter", "at a time unknown")
            return fine(f"{self} answers over {trusted.version()}, its certificate ends {until}")

    def _without_tls(self, address: str) -> CheckResult:
        if address.startswith("127.") or address == "::1":
            return fine(f"{self} answers without TLS, on this machine")
        remedy = "what is said can be read on the way: use a wss:// or https:// address"
        return warning(f"{self} answers, without TLS", remedy)

    def _failing(self, error: OSError | ValueError) -> CheckResult:
        reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
        return told(Outcome(self.stage, cause=cause_of(error)), f"{self}: {reason or error}")


def told(ending: Outcome, detail: str = "") -> CheckResult:
    """Return how a try failed, in the words that the OLED has for it."""
    fault = fault_for(ending) or Fault("Connection lost", "trying again", str(ending))
    return failing(replace(fault, detail=detail) if detail else fault)
