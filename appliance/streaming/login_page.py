"""Login page of a network: detection of its answers in place of those of a service."""

import codecs
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

NETWORK_AUTHENTICATION = 511
"""The status of RFC 6585, section 6."""

PASSED_ON = (407, 429, *range(500, 600))
"""Statuses that no login page has, but a proxy in front of a service: it explains none of them."""

REFUSALS = (401, 402, 403)
"""Statuses with which a service says why (the protocol's "Temporary token")."""

BEGINNING = 64
"""Bytes of a body that show whether it is a page."""


def noting_beginning(pieces: Iterable[bytes], beginning: bytearray) -> Iterator[bytes]:
    """Pass a body on, and add its first bytes to `beginning`."""
    for piece in pieces:
        if len(beginning) < BEGINNING:
            beginning += piece[:BEGINNING]
        yield piece


def may_be_login_page(
    url: str, status: int, content_type: str, body: bytes | None, *, gives_reasons: bool = True
) -> bool:
    """Return whether an answer without a word of the service may come from somebody else.

    Over TLS it can't. Without it, a service is known by its JSON; and it redirects nobody.

    Args:
        url: what was requested.
        status: the HTTP status.
        content_type: the header.
        body: the body, or its beginning; None if it was not read.
        gives_reasons: whether the service would say why it refuses: in a handshake it need not.

    >>> may_be_login_page("http://box.lan/token", 403, "text/plain", b"Welcome to the hotel")
    True
    >>> may_be_login_page("http://box.lan/token", 404, "application/json", b'{"detail": "None"}')
    False
    """
    if urlsplit(url).scheme in ("https", "wss"):
        return False
    if status == NETWORK_AUTHENTICATION or 300 <= status < 400:
        return True
    if status in PASSED_ON:
        return False
    if body == b"" and status >= 400 and not gives_reasons:
        return False
    text = (body or b"").removeprefix(codecs.BOM_UTF8).lstrip()
    is_json = text[:1] == b"{" or ("json" in content_type.lower() and text[:1] != b"<")
    return not is_json or (status in REFUSALS and gives_reasons)
