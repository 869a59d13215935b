"""Relay of one connection of the guest to the service outside; qemu starts one for each.

The argument is a file with the port. Without the file, the connection ends at once.
"""

import os
import select
import socket
import sys
from pathlib import Path


def main(where: Path) -> None:
    """Carry bytes between standard input and output and the service, until one side is done."""
    try:
        service = socket.create_connection(("127.0.0.1", int(where.read_text())))
    except OSError:
        return
    with service:
        while True:
            ready, _, _ = select.select([0, service.fileno()], [], [])
            if service.fileno() in ready:
                piece = service.recv(65536)
                _write_all(piece)
            else:
                piece = os.read(0, 65536)
                service.sendall(piece)
            if not piece:
                return


def _write_all(piece: bytes) -> None:
    while piece:
        piece = piece[os.write(1, piece) :]


main(Path(sys.argv[1]))
