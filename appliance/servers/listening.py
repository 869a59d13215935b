"""Socket and certificate of a server, both tried before it serves."""

import socket
import ssl
from pathlib import Path

BACKLOG = 1024
"""Connections that may wait: after a power failure all appliances connect at once."""


class ServerError(Exception):
    """A server can't start; the message says why and what to do."""


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Check that a certificate, if there is one, can be read and belongs to its key.

    Args:
        certificate: PEM file for TLS.
        key: PEM file with its private key, unless that is in the same file.

    Raises:
        ServerError: it can't be used.
    """
    if certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:
        raise ServerError(
            f"The certificate {certificate}{f' with the key {key}' if key else ''} can't be used: "
            f"{reason(error)}. Name files in PEM form, the certificate's with --certificate, "
            "its key's with --key"
        ) from error


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address of this machine; port 0 takes a free one.

    Raises:
        ServerError: the address can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        why = reason(error).partition(" (")[0]  # the rest repeats the address
        raise ServerError(
            f"Can't listen on {host}, port {port}: {why}. Name another --host or --port"
        ) from error


def authority(host: str, listening: socket.socket) -> str:
    """Return the host and the port of a server's URLs.

    >>> with listening_socket("127.0.0.1", 0) as listening:
    ...     authority("::1", listening) == f"[::1]:{listening.getsockname()[1]}"
    True
    """
    return f"{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def reason(error: OSError) -> str:
    """Return what went wrong with a file or an address, for a sentence that names it."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not in PEM form").replace("_", " ").lower()
    return error.strerror or "it can't be used"
