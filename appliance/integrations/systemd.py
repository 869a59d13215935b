"""What systemd is told, and what it tells: readiness, and whether the clock is set."""

import logging
import os
import socket
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
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())
    except OSError as error:
        log.warning("systemd can't be told %s: %s", ", ".join(lines), error.strerror)


def clock_is_set() -> bool:
    """Tell whether the network has given the time since the boot (systemd-timesyncd(8)).

    A Pi without a clock of its own lives in the past until then.
    """
    return _CLOCK_IS_SET.exists()
