"""Secrets out of what goes into a report."""

import contextlib
import re

from appliance.card.disk import read
from appliance.card.partition import Box
from appliance.card.sifting import Secret, sift

LARGEST_SECRET = 4096
"""Bytes."""

REMOVED = "..."

_GIVEN = re.compile(
    rb"""(?P<name> \b (?: token | api[_-]?key | secret | authorization | password | psk )
         ["']? \s* [=:] \s* ["']? (?: (?: bearer | basic ) \s+ )? ) [^\s&"',;)}\]]+""",
    re.IGNORECASE | re.VERBOSE,
)
"""Something that a program should not have logged."""

_CREDENTIALS = re.compile(r"(?P<start>[a-z]://)[^/@\s\"']*@")

_QUERY = re.compile(r"(?P<start>[a-z]://[^?\s\"']*\?)[^\s\"']+")
"""What follows the address of a token server may be a secret too."""


def known_secrets(box: Box) -> tuple[bytes, ...]:
    """Return the secrets that the box has been given."""
    known = []
    for secret in Secret:
        with contextlib.suppress(OSError):
            known.append(read(box.credentials / secret.value, LARGEST_SECRET).strip())
    return tuple(filter(None, known))


def scrub_log(text: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """Return a log without these secrets, and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, REMOVED.encode())
    return _GIVEN.sub(rb"\g<name>" + REMOVED.encode(), text)


def scrub_settings(text: str) -> str:
    """Return settings without a key that was put in the wrong place, or in an address."""
    text = _CREDENTIALS.sub(rf"\g<start>{REMOVED}@", sift(text).text)
    return _QUERY.sub(rf"\g<start>{REMOVED}", text)
