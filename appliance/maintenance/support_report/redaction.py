"""Secrets out of what goes into a report."""

import contextlib
import re

from appliance.maintenance.paths import Box
from appliance.maintenance.provisioning.secrets_in_toml import Secret, sift
from appliance.system.files import read

LARGEST_SECRET = 4096
"""Bytes."""

REMOVED = "..."

_GIVEN = re.compile(
    rb"""(?P<name> \b (?: token | api[_-]?key | secret | authorization | password | psk )
         ["']? \s* [=:] \s* ["']? (?: (?: bearer | basic ) \s+ )? ) [^\s&"',;)}\]]+""",
    re.IGNORECASE | re.VERBOSE,
)
"""Something that a program should not have logged."""

_CREDENTIALS = re.compile(r"(?P<start>[a-z]://)[^/\s\"']*@", re.IGNORECASE)

_QUERY = re.compile(r"(?P<start>[a-z]://[^?#\s\"']{0,2000}+[?#])[^\s\"']+", re.IGNORECASE)
"""What follows the address of a token server may be a secret too."""

_NAMED = re.compile(
    r"""(?P<name>
          (?: key (?! terms ) | secret | token | passw | passphrase | psk | credential
            | authori[sz]ation ) [\w-]{0,40}+
          (?! ["']? [ \t]* [=:] [ \t]* ["'] (?: ["'] [ \t]* (?: [#,}\r\n] | \Z ) ) )
          (?! (?<= _file ) ["']? [ \t]* [=:] [ \t]* ["'] / )
          (?! (?<= _url ) ["']? [ \t]* [=:] [ \t]* ["'] (?: https? | wss? ) :// )
          ["']? [ \t]*+ [=:] [ \t]*+ )
        (?: \"{3} .*? (?: \"{3} | \Z ) | '{3} .*? (?: '{3} | \Z ) | \[ [^\]]*+ (?: \] | \Z )
          | (?: \r?\n )++ (?! [ \t]* (?: \# | \[ | [\w."'-]++ [ \t]* = ) ) )?
        [^\r\n]*""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""A setting whose name suggests a secret, to the end of the line on which its value ends.

Not so one that is empty, the path of a file, or an address.
"""

_KEY_ALONE = re.compile(r"\b[0-9a-f]{32,}\b", re.IGNORECASE)
"""The service's keys look like this, under whatever name somebody wrote one."""


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
    """Return settings without a secret that was put in the wrong place, or in an address."""
    text = _CREDENTIALS.sub(rf"\g<start>{REMOVED}@", sift(text).text)
    text = _QUERY.sub(rf"\g<start>{REMOVED}", text)
    text = _NAMED.sub(rf'\g<name>"{REMOVED}"', text)
    return _KEY_ALONE.sub(REMOVED, text)
