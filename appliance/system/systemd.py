"""What systemd is told, and what it tells: readiness, signs of life, whether the clock is set."""

import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

_CLOCK_IS_SET = Path("/run/systemd/timesync/synchronized")


def notify(*lines: str) -> None:
    """Tell systemd, for instance "READY=1"; does nothing where systemd did not start us.

    Source: sd_notify(3).
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # a name in the abstract space
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            # A systemd that is busy must not hold up a session: the next sign of life comes soon.
            sender.setblocking(False)
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())
    except OSError as error:
        log.warning("systemd can't be told %s: %s", ", ".join(lines), error.strerror)


class Watchdog:
    """Tells systemd that the loop which feeds it still turns, as often as systemd wants it.

    Source: sd_watchdog_enabled(3). Where systemd does not watch us, nothing is told.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._interval = _watchdog_interval()
        self._fed_at = float("-inf")

    def feed(self) -> None:
        """Give a sign of life, if one is due."""
        if self._interval and self._clock() - self._fed_at >= self._interval:
            self._fed_at = self._clock()
            notify("WATCHDOG=1")


def _watchdog_interval() -> float:
    """Return after how many seconds a sign of life is due, a quarter of the limit; 0 for never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    return int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6


def clock_is_set() -> bool:
    """Tell whether the network has given the time since the boot (systemd-timesyncd(8)).

    A Pi without a clock of its own lives in the past until then.
    """
    return _CLOCK_IS_SET.exists()
