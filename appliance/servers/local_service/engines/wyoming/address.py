"""Address of a Wyoming server, with the model and language to request."""

from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from appliance.servers.local_service.engines.base import UnknownEngineError

DEFAULT_PORT = 10300
"""The port of Home Assistant's speech-to-text servers."""


class Address(msgspec.Struct, frozen=True):
    """The address of a server, and the model and language to request; None for its defaults."""

    host: str
    port: int = DEFAULT_PORT
    model: str | None = None
    language: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the address in a URL `wyoming://HOST[:PORT][?model=...&language=...]`.

        >>> Address.parse("wyoming://whisper?language=de")
        Address(host='whisper', port=10300, model=None, language='de')

        Raises:
            UnknownEngineError: the URL does not have this form.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORT
            choices = parse_qs(parts.query, strict_parsing=bool(parts.query))
        except ValueError as error:
            raise UnknownEngineError(f'"{url}" is no address: {error}') from error
        known = choices.keys() <= {"model", "language"}
        if parts.scheme != "wyoming" or not parts.hostname or parts.path.strip("/") or not known:
            raise UnknownEngineError(
                f'"{url}" is no address of a Wyoming server: write wyoming://HOST:PORT, '
                "and ?language=CODE or ?model=NAME after it if need be"
            )
        chosen = {name: values[-1] for name, values in choices.items()}
        return cls(parts.hostname, port, **chosen)

    def __str__(self) -> str:
        """Return the address without model and language."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"wyoming://{host}:{self.port}"
