"""Extraction of secrets from a settings file, line by line: the file need not be valid TOML."""

import enum
import re
from collections import deque

import msgspec

UNUSABLE = '"not usable"'
"""Value in place of an unusable secret; its space makes it an unusable one itself."""


class Secret(enum.Enum):
    """Secret that the file may hold; the value is the name of its systemd credential."""

    API_KEY = "assemblyai-api-key"
    TOKEN_SECRET = "appliance-token-secret"
    MQTT_PASSWORD = "appliance-mqtt-password"


KEYS = {
    Secret.API_KEY: "api_key",
    Secret.TOKEN_SECRET: "token_secret",
    Secret.MQTT_PASSWORD: "mqtt_password",
}
"""Key of each secret in the file."""


class Extraction(msgspec.Struct, frozen=True):
    """Settings file without its secrets.

    Attributes:
        text: the file, with the same number of lines.
        secrets: those that were found.
        unusable: secrets that can't be used, by the number of their line, from 1.
        is_secrets_only: whether nothing else is set in the file.
    """

    text: str
    secrets: dict[Secret, str]
    unusable: dict[int, Secret]
    is_secrets_only: bool


_KEY = re.compile(
    r"""(?<! [\w?&-] ) (?: (?:assemblyai[_-]?)?api[_-]?key | token[_-]?secret | mqtt[_-]?password )
        ["']? \s* =""",
    re.IGNORECASE | re.VERBOSE,
)
"""Key of a secret, but no parameter of an address ("?api_key=")."""

_SECTION = re.compile(r"""[\s\ufeff\w."'-]*""")
"""All that may stand before a key on a line of its own, as in "service.api_key"."""

_EMPTY = re.compile(r"""[ ]"" \s* (?: \# | \Z )""", re.VERBOSE)

_QUOTES = r"[\"'\u2018-\u201f]"
"""Straight quotes, and the curly ones that some editors make of them."""

_VALUE = re.compile(
    rf"""\s* (?: {_QUOTES} \s* (?P<quoted> [!#-&(-\[\]-~]* ) \s* {_QUOTES}
               | (?P<bare> [\w.~+/=-]* ) )
         (?P<rest> \s* (?: \#.* )? )""",
    re.ASCII | re.VERBOSE | re.DOTALL,
)
"""Usable value, and a comment behind it."""

_NEW_LINE = re.compile(r"""\s* (?: \# | \[ | [\w."'-]+ \s* = \s* \S | \Z )""", re.VERBOSE)
"""Line that does not continue the value of the line before."""

_SETS_NOTHING = re.compile(
    r"""[\s\0\x1a\u200b\ufeff]* (?: \[ [^\[\]]* \] | \[\[ [^\[\]]* \]\] )?
        [\s\0\x1a\u200b\ufeff]* (?: \#.* )?""",
    re.VERBOSE | re.DOTALL,
)
"""Title of a section, comment, or characters that some editors leave invisible."""

_MISTAKE = re.compile(rf"[^=]*{_KEY.pattern} [ ] {re.escape(UNUSABLE)}", _KEY.flags)

_LINES = re.compile(r"([^\n]*?)(\r?\n|\Z)")


def extract_secrets(text: str) -> Extraction:
    """Take the secrets out of a settings file.

    A secret is usable on a line of its own: `api_key = "..."`. Anywhere else, or with a value that
    can't be one, it is removed and not used. Extraction from the result changes nothing.

        >>> extract_secrets('api_key = "0123abcd"').secrets
        {<Secret.API_KEY: 'assemblyai-api-key'>: '0123abcd'}
        >>> extract_secrets('api_key = "0123abcd"').text
        '# api_key = ""'
    """
    kept: list[str] = []
    secrets: dict[Secret, str] = {}
    unusable: dict[int, Secret] = {}
    is_secrets_only = True
    lines = deque(_LINES.findall(text))
    while lines:
        line, end = lines.popleft()
        key = _KEY.search(line)
        if key is None or "#" in line[: key.start()]:
            kept.append(_without_secret(line) + end)
            is_secrets_only = is_secrets_only and _SETS_NOTHING.fullmatch(line) is not None
            continue
        secret = _secret_of(key[0])
        has_own_line = _SECTION.fullmatch(line, 0, key.start())
        value = _VALUE.fullmatch(line, key.end()) if has_own_line else None
        is_whole = value is not None and (value["quoted"] is not None or value["bare"])
        continuation = [] if is_whole else _remove_continuation(lines)
        if value is None or continuation:
            unusable[len(kept) + 1] = secret
            kept += [f"{KEYS[secret]} = {UNUSABLE}{end}", *continuation]
            continue
        if given := value["quoted"] or value["bare"]:
            secrets[secret] = given
        kept.append(f'# {line[: key.end()].strip()} ""{_without_secret(value["rest"])}{end}')
    return Extraction("".join(kept), secrets, unusable, is_secrets_only)


def without_unusable(text: str) -> str:
    """Return settings without the lines that extraction has left of unusable secrets."""
    kept = (line + end for line, end in _LINES.findall(text) if not _MISTAKE.fullmatch(line))
    return "".join(kept)


def _remove_continuation(lines: deque[tuple[str, str]]) -> list[str]:
    """Remove the lines that may continue a value; return their ends alone."""
    ends = []
    while lines and not _NEW_LINE.match(lines[0][0]):
        ends.append(lines.popleft()[1])
    return ends


def _without_secret(comment: str) -> str:
    """Cut a line in whose comment a secret stands, after the key."""
    for key in _KEY.finditer(comment):
        if not _EMPTY.match(comment, key.end()):
            return f'{comment[: key.end()]} ""'
    return comment


def _secret_of(key: str) -> Secret:
    if "password" in key.lower():
        return Secret.MQTT_PASSWORD
    return Secret.TOKEN_SECRET if "secret" in key.lower() else Secret.API_KEY
