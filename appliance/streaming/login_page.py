"""Login page of a network: detection of its answers in place of those of a service."""

import codecs
from collections.abc import Iterable, Iterator

NETWORK_AUTHENTICATION = 511
"""The status of RFC 6585, section 6."""

PROXY_AUTHENTICATION = 407
"""The status of a proxy that asks for a name and a password (RFC 9110, section 15.5.8)."""

UNEXPLAINED_REFUSALS = (401, 402, 403)
"""Statuses with which a token endpoint says why (the protocol's "Temporary token")."""


BEGINNING = 64
"""Bytes of a body that show whether it is a page."""


def noting_beginning(pieces: Iterable[bytes], beginning: bytearray) -> Iterator[bytes]:
    """Pass a body on, and add its first bytes to `beginning`."""
    for piece in pieces:
        if len(beginning) < BEGINNING:
            beginning += piece[:BEGINNING]
        yield piece


def is_login_page(status: int, content_type: str, body: bytes) -> bool:
    """Return whether an answer looks like that of a login page, not like that of a service.

    It redirects, or shows a page. A service redirects nobody, and has no pages but those for its
    own faults.

    >>> is_login_page(403, "text/html; charset=utf-8", b"<html>Welcome to the hotel")
    True
    >>> is_login_page(403, "application/json", b'{"error": "Unknown key"}')
    False
    """
    if status == NETWORK_AUTHENTICATION or 300 <= status < 400:
        return True
    if status == PROXY_AUTHENTICATION:
        return False
    text = body.removeprefix(codecs.BOM_UTF8).lstrip()
    return status < 500 and ("html" in content_type.lower() or text[:1] == b"<")
