"""Redaction of secrets in the files of a report."""

import contextlib
import re

from appliance.maintenance.paths import Box
from appliance.maintenance.provisioning.secrets_in_toml import Secret, extract_secrets
from appliance.system.files import read

LARGEST_SECRET = 4096
"""Bytes of a credential's file."""

REMOVED = "..."

_GIVEN = re.compile(
    rb"""(?P<name> \b (?: token | api[_-]?key | secret | authorization | password | psk )
         ["']? \s* [=:] \s* ["']? (?: (?: bearer | basic ) \s+ )? ) [^\s&"',;)}\]]+""",
    re.IGNORECASE | re.VERBOSE,
)
"""Secret in a log, where no program should have written it."""

_CREDENTIALS = re.compile(r"(?P<start>[a-z]://)[^/\s\"']*@", re.IGNORECASE)

_QUERY = re.compile(r"(?P<start>[a-z]://[^?#\s\"']{0,2000}+[?#])[^\s\"']+", re.IGNORECASE)
"""Query and fragment of an address, such as a token server's: they may hold a secret."""

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
"""Setting whose name suggests a secret, up to the end of the line where its value ends.

Empty ones, paths of files and addresses are left out.
"""

_KEY_ALONE = re.compile(r"\b[0-9a-f]{32,}\b", re.IGNORECASE)
"""API key of the service, under any name."""


def known_secrets(box: Box) -> tuple[bytes, ...]:
    """Return the secrets that this machine has."""
    known = []
    for secret in Secret:
        with contextlib.suppress(OSError):
            known.append(read(box.credentials / secret.value, LARGEST_SECRET).strip())
    return tuple(filter(None, known))


def redact_log(text: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """Return a log without these secrets, and without anything that looks like a secret."""
    for secret in secrets:
        text = text.replace(secret, REMOVED.encode())
    return _GIVEN.sub(rb"\g<name>" + REMOVED.encode(), text)


def redact_settings(text: str) -> str:
    """Return settings without secrets in a wrong place or in an address."""
    text = _CREDENTIALS.sub(rf"\g<start>{REMOVED}@", extract_secrets(text).text)
    text = _QUERY.sub(rf"\g<start>{REMOVED}", text)
    text = _NAMED.sub(rf'\g<name>"{REMOVED}"', text)
    return _KEY_ALONE.sub(REMOVED, text)
