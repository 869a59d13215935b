"""Web pages that may use a server: the `Origin` and the `Host` of a request.

A browser sends the requests of any page that its user opens, also to machines that the page's owner
can't reach. `Origin` names the page. A page may also give its own name the address of such a
machine (DNS rebinding), and is then of the same origin: only `Host` gives it away.
"""

import ipaddress
import re
import socket
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection

LOCAL_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
"""Pages that come from the browser's own machine, so from its user."""

_PRIVATE_NAME = re.compile(
    r"[\w-]+|([\w-]+\.)+(localhost|local|internal|home\.arpa|lan|home|fritz\.box)", re.ASCII
)
"""Names that no stranger can register, as those that a router gives."""


class PageRefusal(NamedTuple):
    """Why a page's request is refused; `status` is HTTP's."""

    status: int
    words: str


def is_loopback(host: str) -> bool:
    """Return whether an address or a name is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_name(host: str) -> str:
    """Return the name or address in a `Host`, in lower case and without port and brackets.

    >>> host_name("[::1]:8766"), host_name("Box.local:80"), host_name("127.0.0.1:1:2")
    ('::1', 'box.local', '127.0.0.1:1')
    """
    return re.sub(r":\d+$", "", host).strip("[]").lower()


class WebPages:
    """The pages that may use a server: its own, those of the browser's machine, and `origins`.

    >>> from starlette.requests import Request
    >>> def refusal(**headers: str) -> PageRefusal | None:
    ...     raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    ...     request = Request({"type": "http", "headers": raw})
    ...     return WebPages(["https://captions.example.org"]).refusal(request)
    >>> refusal(host="192.168.1.10:8765", origin="https://captions.example.org")
    >>> refusal(host="192.168.1.10:8765", origin="https://evil.example.org").words
    'the page https://evil.example.org may not use this server'
    >>> refusal(host="evil.example.org:8765", origin="http://evil.example.org:8765")
    PageRefusal(status=421, words='this server is not called evil.example.org')

    Args:
        origins: origins of web pages, such as "https://captions.example.org".
        names: the server's own public names; others are its addresses, and names that nobody can
            register.
        any_name: whether to believe every name, since a certificate proves it.
    """

    def __init__(
        self,
        origins: Collection[str] = (),
        names: Collection[str] = (),
        *,
        any_name: bool = False,
    ) -> None:
        self._origins = {origin.rstrip("/").lower() for origin in origins}
        self._names = {name.lower() for name in (*names, socket.gethostname())}
        self._any_name = any_name

    def refusal(self, request: HTTPConnection) -> PageRefusal | None:
        """Return why a page's request or handshake is refused; None if it is not."""
        host = request.headers.get("host", "")
        if not (self._any_name or self._is_own(host_name(host))):
            return PageRefusal(421, f"this server is not called {_shown(host_name(host))}")
        origin = request.headers.get("origin")
        if origin is not None and not self._allows(origin.lower(), host.lower()):
            return PageRefusal(403, f"the page {_shown(origin)} may not use this server")
        return None

    def cors(self) -> Middleware:
        """Return what lets the pages read answers."""
        return Middleware(
            CORSMiddleware,
            allow_origins=sorted(self._origins),
            allow_origin_regex=LOCAL_ORIGIN,
            allow_methods=["GET"],
            allow_headers=["Authorization"],
        )

    def _is_own(self, name: str) -> bool:
        try:
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return name in self._names or _PRIVATE_NAME.fullmatch(name) is not None
        return True

    def _allows(self, origin: str, host: str) -> bool:
        if origin in self._origins or re.fullmatch(LOCAL_ORIGIN, origin):
            return True
        try:
            page = urlsplit(origin)
        except ValueError:
            return False
        return page.scheme in ("http", "https") and page.netloc == host


def _shown(text: str) -> str:
    """Return what a stranger sent, for the log."""
    return ascii(text[:100]).strip("'")
