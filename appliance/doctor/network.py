"""The way to the service and to the token server: their names, and who answers there."""

import socket
import ssl
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from msgspec.structs import replace
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from appliance.config import ServiceSettings
from appliance.doctor.finding import Finding, failing, fine, warning
from appliance.events import Fault
from appliance.streaming.endings import Ending, Stage, cause_of, fault_for

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

    def look_up(self) -> Finding:
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

    def connect(self) -> Finding:
        """Tell whether it answers, and is who it says."""
        try:
            with socket.create_connection(self.place, CONNECT_TIME) as connection:
                if self.is_secure:
                    return self._trust(connection)
                return self._without_tls(connection.getpeername()[0])
        except (OSError, ValueError) as error:
            return self._failing(error)

    def _trust(self, connection: socket.socket) -> Finding:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        with context.wrap_socket(connection, server_hostname=self.place[0]) as trusted:
            until = (trusted.getpeercert() or {}).get("notAfter", "at a time unknown")
            return fine(f"{self} answers over {trusted.version()}, its certificate ends {until}")

    def _without_tls(self, address: str) -> Finding:
        if address.startswith("127.") or address == "::1":
            return fine(f"{self} answers without TLS, on this machine")
        remedy = "what is said can be read on the way: use a wss:// or https:// address"
        return warning(f"{self} answers, without TLS", remedy)

    def _failing(self, error: OSError | ValueError) -> Finding:
        reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
        return told(Ending(self.stage, cause=cause_of(error)), f"{self}: {reason or error}")


def told(ending: Ending, detail: str = "") -> Finding:
    """Return how a try failed, in the words that the OLED has for it."""
    fault = fault_for(ending) or Fault("Connection lost", "trying again", str(ending))
    return failing(replace(fault, detail=detail) if detail else fault)
