"""Check of the clock: it is set, and agrees with the service's clock."""

import email.utils
import http.client
import ssl
import time
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from appliance.core.network_errors import Cause
from appliance.maintenance.doctor.checks.network import DNS, Peer
from appliance.maintenance.doctor.context import Context
from appliance.maintenance.doctor.result import CheckResult, failed_with, fine, warning
from appliance.maintenance.doctor.runner import Check
from appliance.streaming.outcomes import Outcome
from appliance.system.wall_clock import clock_is_set

DATE_TIMEOUT = 4.0
"""Seconds for the service to connect, and again to answer with its date."""

TOLERANCE = 60.0
"""Seconds off that neither certificates nor people mind."""

WAIT_FOR_NTP = "wait; check that the network lets NTP through"


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the clock."""
    service = Peer.service(context.settings.service)
    yield Check(
        "clock",
        lambda: check_clock(service),
        time_limit=8,
        needs={DNS: "no address to ask"},
    )


def check_clock(
    peer: Peer,
    *,
    wall_clock: Callable[[], float] = time.time,
    is_set: Callable[[], bool] = clock_is_set,
) -> CheckResult:
    """Check that the clock is right.

    Args:
        peer: server whose `Date` (RFC 9110, section 6.6.1) is taken for right. Its certificate is
            not checked: a wrong clock would not accept it.
        wall_clock: seconds since 1970.
        is_set: tells whether the network has set the clock since the start.
    """
    source = "set from the network" if is_set() else "not set from the network since the start"
    theirs = _time_of(peer)
    if theirs is None:
        if is_set():
            return fine(f"{source}; {peer} does not tell the time")
        return warning(f"{source}; {peer} does not tell the time", WAIT_FOR_NTP)
    off = wall_clock() - theirs
    if abs(off) > TOLERANCE:
        direction = "ahead of" if off > 0 else "behind"
        wrong = failed_with(
            Outcome(peer.stage, cause=Cause.CLOCK), f"{_span(off)} {direction} {peer}"
        )
        return replace(wrong, remedy=WAIT_FOR_NTP)
    return fine(f"within {max(1, round(abs(off)))} s of {peer}, {source}")


def _time_of(peer: Peer) -> float | None:
    """Return the peer's time in seconds since 1970, to a second; None if it does not say."""
    try:
        connection = _connection(*peer.address, is_secure=peer.is_secure)
        try:
            connection.request("HEAD", "/")
            date = connection.getresponse().getheader("Date")
        finally:
            connection.close()
        # The date has whole seconds, and the answer took some time.
        return email.utils.parsedate_to_datetime(date).timestamp() + 0.5 if date else None
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _connection(host: str, port: int, *, is_secure: bool) -> http.client.HTTPConnection:
    if not is_secure:
        return http.client.HTTPConnection(host, port, timeout=DATE_TIMEOUT)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=DATE_TIMEOUT, context=trusting)


def _span(seconds: float) -> str:
    seconds = abs(seconds)
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
