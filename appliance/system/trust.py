"""Certificate authorities that every TLS connection of the program trusts."""

import functools
import os
import ssl
from pathlib import Path

import certifi

from appliance.core.network_errors import UnusableCertificatesError

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where the environment names other authorities than the public ones; OpenSSL reads them."""


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Return the TLS settings for a client.

    Trusted are the authorities of the system (`update-ca-certificates`) and of certifi, or those
    that the environment names instead; and always the ones in `ca_file`.

    Raises:
        UnusableCertificatesError: `ca_file` can't be read, or holds no certificate.
    """
    instead = tuple(os.environ.get(name, "") for name in VARIABLES)
    if not ca_file:
        return _context("", None, instead)
    try:
        written = Path(ca_file).stat()
        stamp = (written.st_mtime_ns, written.st_size, written.st_ino)
        return _context(ca_file, stamp, instead)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnusableCertificatesError(getattr(error, "errno", None), reason) from error


@functools.lru_cache(maxsize=8)
def _context(ca_file: str, _stamp: object, instead: tuple[str, ...]) -> ssl.SSLContext:
    # Cached: reading all authorities takes a Zero longer than the handshake.
    context = ssl.create_default_context()
    if not any(instead):
        context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
