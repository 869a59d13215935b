"""Certificate authorities that every TLS connection of the program trusts."""

import functools
import os
import ssl
from pathlib import Path

import certifi

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where the environment names other authorities than the public ones; OpenSSL reads them."""


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Return the TLS settings for a client.

    Trusted are the authorities of the system (`update-ca-certificates`) and of certifi, or those
    that the environment names instead; and always the ones in `ca_file`.

    Raises:
        OSError: `ca_file` can't be read, or holds no certificate.
    """
    written = Path(ca_file).stat() if ca_file else None
    stamp = (written.st_mtime_ns, written.st_size, written.st_ino) if written else None
    return _context(ca_file, stamp, *(os.environ.get(name, "") for name in VARIABLES))


@functools.lru_cache(maxsize=8)
def _context(ca_file: str, _stamp: object, *instead: str) -> ssl.SSLContext:
    # Cached: reading all authorities takes a Zero longer than the handshake.
    context = ssl.create_default_context()
    if not any(instead):
        context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
