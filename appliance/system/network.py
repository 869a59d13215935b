"""Whether there is a network at all: for the mark on the screen while nothing is connected."""

from pathlib import Path
from urllib.parse import urlsplit

_ROUTES = Path("/proc/net/route")
_ROUTES_6 = Path("/proc/net/ipv6_route")

_HERE = {"localhost", "127.0.0.1", "::1"}

_UP = 0x0001
_REJECT = 0x0200


def has_network(url: str) -> bool:
    """Tell whether packets to this address have a way out; none are sent.

    Args:
        url: of the service. One on this machine needs no way out.

    Source: proc_net(5), route; the flags are those of linux/route.h.
    """
    return urlsplit(url).hostname in _HERE or _has_way_out() or _has_way_out_6()


def _has_way_out() -> bool:
    # Any way out will do: a house may have a service of its own and no internet.
    rows = [line.split() for line in _lines(_ROUTES)[1:]]
    return any(int(row[3], 16) & _UP for row in rows)


def _has_way_out_6() -> bool:
    rows = [line.split() for line in _lines(_ROUTES_6)]
    nowhere, whole = "0" * 32, "00"
    return any(
        row[0] == nowhere and row[1] == whole and int(row[8], 16) & (_UP | _REJECT) == _UP
        for row in rows
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # without IPv6 there is no such file
