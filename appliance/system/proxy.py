"""HTTP proxy that the environment names for an address.

All connections ask here. The libraries read the same variables, each by rules of its own.
"""

import contextlib
import ipaddress
import os
import re
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from appliance.core.late_imports import import_lock
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
    without. An asterisk stands for any part of a name or address. How a name is spelt does not
    matter: in capitals, with a dot at the end, in letters beyond ASCII or encoded (RFC 5890).

    >>> goes_straight("a.example.org", 443, "localhost, .example.org:443")
    True
    >>> goes_straight("::1", 443, "::1/128"), goes_straight("192.168.1.2", 80, "192.168.*")
    (True, True)
    """
    entries = [entry for entry in re.split(r"[\s,]+", exceptions) if entry]
    return any(_matches(_spelt(host), port, entry) for entry in entries)


def _matches(host: str, port: int, entry: str) -> bool:
    name, asked_port = _divided(entry)
    if asked_port not in ("", "*") and int(asked_port) != port:
        return False
    address, network = _address(host), _network(name)
    if network:
        return address is not None and address in network
    name = _spelt(name).removeprefix("*.").strip(".")
    if "*" in name:
        pattern = name.replace("[", "[[]")
        return fnmatchcase(host, pattern) or fnmatchcase(host, f"*.{pattern}")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _divided(entry: str) -> tuple[str, str]:
    """Return name and port of an entry; an address of IPv6 has a port only after brackets."""
    if match := re.fullmatch(r"\[(.+?)\](/\d+)?(?::(\*|[0-9]{0,9}))?", entry):
        return match[1] + (match[2] or ""), match[3] or ""
    if match := re.fullmatch(r"([^:]+):(\*|[0-9]{0,9})", entry):
        return match[1], match[2]
    return entry, ""


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the network that an entry names, if it names one; `10.*` is one, too."""
    if match := re.fullmatch(r"((?:[0-9]{1,3}\.){1,3})\*(?:\.\*)*", name):
        octets = match[1].rstrip(".").split(".")
        name = ".".join((octets + ["0"] * 3)[:4]) + f"/{8 * len(octets)}"
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])  # without the name of an interface
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _spelt(name: str) -> str:
    """Return a name in small letters, encoded as for a look-up, without a dot at its end."""
    if not name.isascii():
        with import_lock:
            import encodings.idna  # noqa: PLC0415, F401 - loaded, not used
        with contextlib.suppress(UnicodeError):
            # Label by label: a dot at the beginning and an asterisk are no part of a name.
            labels = re.split("[.\u3002\uff0e\uff61]", name)
            name = ".".join(label.encode("idna").decode() if label else "" for label in labels)
    return name.lower().rstrip(".")


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
