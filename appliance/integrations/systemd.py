"""What systemd is told: sd_notify(3), over the socket that it names in $NOTIFY_SOCKET."""

import os
import socket


def notify(*lines: str) -> None:
    """Tell systemd, for instance "READY=1"; does nothing where systemd did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # a name in the abstract space
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        sender.sendall("\n".join(lines).encode())
