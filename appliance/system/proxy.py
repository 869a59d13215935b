"""HTTP proxy that the environment names for an address.

All connections ask here. The libraries read the same variables, each by rules of its own.
"""

import ipaddress
import os
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from appliance.core.network_errors import UnusableProxyError

DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Proxy(NamedTuple):
    """HTTP proxy, and the name and password for it."""

    host: str
    port: int
    username: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        """The address, without name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for an address (http, https, ws or wss); None for the straight way.

    Raises:
        UnusableProxyError: the proxy's address is invalid, or it is not an HTTP proxy.
        ValueError: the address is invalid.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    named = getproxies_environment()
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    proxy = named.get(scheme) or named.get("all")
    if not proxy or goes_straight(host, port, _exceptions()):
        return None
    return _parsed(proxy)


def _exceptions() -> str:
    """Return the hosts that need no proxy; an empty variable is none."""
    return os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""


def goes_straight(host: str, port: int, exceptions: str) -> bool:
    """Return whether a list of exceptions holds a host.

    Its entries are names (with all names below them), addresses and networks, each with a port or
    without, or an asterisk for everything.

    >>> goes_straight("a.example.org", 443, "localhost, .example.org:443")
    True
    >>> goes_straight("::1", 443, "::1/128")
    True
    """
    entries = [entry for entry in re.split(r"[\s,]+", exceptions.lower()) if entry]
    return any(_matches(host.lower().rstrip("."), port, entry) for entry in entries)


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, asked_port = _divided(entry)
    if asked_port not in ("", str(port)):
        return False
    try:
        network = ipaddress.ip_network(name, strict=False)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False


def _divided(entry: str) -> tuple[str, str]:
    """Return name and port of an entry; an address of IPv6 has a port only after brackets."""
    if match := re.fullmatch(r"\[(.+?)\](/\d+)?(?::(\d+))?", entry):
        return match[1] + (match[2] or ""), match[3] or ""
    if match := re.fullmatch(r"([^:]+):(\d+)", entry):
        return match[1], match[2]
    return entry, ""


def _parsed(address: str) -> Proxy:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise UnusableProxyError("the proxy's address is invalid") from None
    if parts.scheme != "http" or not host:
        # Other kinds need packages of their own.
        raise UnusableProxyError("the proxy's address does not start with http://")
    return Proxy(host, port, unquote(parts.username or ""), unquote(parts.password or ""))
