"""Routes out of this machine, for the screen's network mark while nothing is connected."""

from pathlib import Path
from urllib.parse import urlsplit

_ROUTES = Path("/proc/net/route")
_ROUTES_6 = Path("/proc/net/ipv6_route")

_HERE = {"localhost", "127.0.0.1", "::1"}

_UP = 0x0001
_REJECT = 0x0200


def has_network(url: str) -> bool:
    """Return whether there is a route to an address, without sending a packet.

    Source: proc_net(5), route; the flags are those of linux/route.h.

    Args:
        url: address of the service. A service on this machine needs no route.
    """
    return urlsplit(url).hostname in _HERE or _has_route() or _has_default_route_6()


def _has_route() -> bool:
    # Any route will do: the service may be in the same house, without internet.
    rows = [line.split() for line in _lines(_ROUTES)[1:]]
    return any(int(row[3], 16) & _UP for row in rows)


def _has_default_route_6() -> bool:
    rows = [line.split() for line in _lines(_ROUTES_6)]
    any_address, any_prefix = "0" * 32, "00"
    return any(
        row[0] == any_address and row[1] == any_prefix and int(row[8], 16) & (_UP | _REJECT) == _UP
        for row in rows
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # without IPv6 there is no such file
