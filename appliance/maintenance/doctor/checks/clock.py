"""The clock: whether it is set, and how far it is off the service's."""

import email.utils
import http.client
import ssl
import time
from collections.abc import Callable

from msgspec.structs import replace

from appliance.core.network_errors import Cause
from appliance.maintenance.doctor.checks.network import Peer, told
from appliance.maintenance.doctor.result import CheckResult, fine, warning
from appliance.streaming.outcomes import Outcome
from appliance.system.wall_clock import clock_is_set

TIME_OUT = 4.0

TOLERABLE = 60.0
"""Seconds off that neither certificates nor people mind."""


PATIENCE = "wait; check that the network lets NTP through"


def examine(
    peer: Peer,
    *,
    wall_clock: Callable[[], float] = time.time,
    is_set: Callable[[], bool] = clock_is_set,
) -> CheckResult:
    """Tell whether the clock is right.

    Args:
        peer: whose time, in the `Date` of its answers (RFC 9110, section 6.6.1), is taken for
            right; it is believed without a certificate, which a wrong clock would not accept.
        wall_clock: seconds since 1970.
        is_set: tells whether the network has set the clock since the start.
    """
    source = "set from the network" if is_set() else "not set from the network since the start"
    theirs = _time_of(peer)
    if theirs is None:
        if is_set():
            return fine(f"{source}; {peer} does not tell the time")
        return warning(f"{source}; {peer} does not tell the time", PATIENCE)
    off = wall_clock() - theirs
    if abs(off) > TOLERABLE:
        direction = "ahead of" if off > 0 else "behind"
        wrong = told(Outcome(peer.stage, cause=Cause.CLOCK), f"{_span(off)} {direction} {peer}")
        return replace(wrong, remedy=PATIENCE)
    return fine(f"within {max(1, round(abs(off)))} s of {peer}, {source}")


def _time_of(peer: Peer) -> float | None:
    """Return the peer's time in seconds since 1970, to a second; None where it tells none."""
    try:
        connection = _connection(*peer.place, is_secure=peer.is_secure)
        try:
            connection.request("HEAD", "/")
            date = connection.getresponse().getheader("Date")
        finally:
            connection.close()
        # It says the second that has begun, and the way took some time.
        return email.utils.parsedate_to_datetime(date).timestamp() + 0.5 if date else None
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _connection(host: str, port: int, *, is_secure: bool) -> http.client.HTTPConnection:
    if not is_secure:
        return http.client.HTTPConnection(host, port, timeout=TIME_OUT)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TIME_OUT, context=trusting)


def _span(seconds: float) -> str:
    seconds = abs(seconds)
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
