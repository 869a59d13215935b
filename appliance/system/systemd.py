"""Messages to systemd: readiness, status and the watchdog's keep-alive."""

import logging
import os
import socket
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


def notify(*lines: str) -> None:
    """Send lines such as "READY=1" to systemd; do nothing if systemd did not start the program.

    Source: sd_notify(3).
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # a name in the abstract space
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            # A busy systemd must not hold up a session: the next keep-alive comes soon.
            sender.setblocking(False)
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())
    except OSError as error:
        log.warning("can't send %s to systemd: %s", ", ".join(lines), error.strerror)


class Watchdog:
    """Keep-alive for systemd's watchdog, sent while the main loop runs.

    Source: sd_watchdog_enabled(3). Where systemd does not watch the program, nothing is sent.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._interval = _watchdog_interval()
        self._fed_at = float("-inf")

    def feed(self) -> None:
        """Send a keep-alive, if one is due."""
        if self._interval and self._clock() - self._fed_at >= self._interval:
            self._fed_at = self._clock()
            notify("WATCHDOG=1")


def _watchdog_interval() -> float:
    """Return the seconds between two keep-alives, a quarter of the limit; 0 for never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    return int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6
