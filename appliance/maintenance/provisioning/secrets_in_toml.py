"""Secrets out of a settings file, line by line, whether or not the rest of it is valid TOML."""

import enum
import re
from collections import deque
from collections.abc import Iterator

import msgspec

UNUSABLE = '"not usable"'
"""What is put in place of a value that can't be a secret; for its space it is none itself."""


class Secret(enum.Enum):
    """A secret that the card may hold, and the name of systemd's credential that it becomes."""

    API_KEY = "assemblyai-api-key"
    TOKEN_SECRET = "appliance-token-secret"
    MQTT_PASSWORD = "appliance-mqtt-password"


class Sifted(msgspec.Struct, frozen=True):
    """A settings file without its secrets.

    Each line of `text` has the number it had before. `mistakes` are the numbers of lines whose
    secret was removed but can't be used.
    """

    text: str
    secrets: dict[Secret, str]
    mistakes: tuple[int, ...]


_NAME = r"(?:assemblyai[_-]?)?api[_-]?key|token[_-]?secret|mqtt[_-]?password"

_ASSIGNMENT = re.compile(
    rf"""(?P<start> \s* (?: [\w"'-]+ \s* \. \s* )* ["']? (?P<name> {_NAME} ) ["']? \s* = )
         (?P<value> [^\r\n]* ) (?P<end> \r?\n? )""",
    re.IGNORECASE | re.VERBOSE,
)
"""A line that gives a secret and nothing else, in whatever section it stands."""

_BASIC = r"""(?: [^"\\\r\n] | \\[^\r\n] )"""
_LONG = r"""\"{3} (?: [^\\\r\n] | \\[^\r\n] )*? \"{3,5} | '{3} [^\r\n]*? '{3,5}"""
_TEXT = rf"""(?: {_LONG} | "{_BASIC}*+"? | '[^'\r\n]*+'? )"""
"""A character within double quotes; a text within three of them, or of the single ones; any text in
quotes, even one without an end."""

_OTHER_VALUE = rf"""(?: ^ | [=\[,{{] ) [ \t]*+ (?> {_LONG} | "{_BASIC}*" | '[^'\r\n]*' )
                    (?= [ \t]* (?: [,\]}}\#\r\n] | \Z ) )"""

_MENTION = re.compile(
    rf"""{_OTHER_VALUE}
       | (?<! [\w-] ) (?P<start> (?: {_NAME} ) ["']? [ \t]* = [ \t]* )
         (?: {_TEXT} | \[ (?: {_TEXT} | [^\]\r\n"'] )*+ \]? | \{{ (?: {_TEXT} | [^}}\r\n"'] )*+ \}}?
           | [^\s,}}\]\#"'\[{{]+ )++""",
    re.IGNORECASE | re.VERBOSE,
)
"""A secret anywhere else: in a comment, or in a table within a line.

Without a `start` it is the quoted value of another key, an address with "?api_key=" for instance.
"""

_QUOTES = r"[\"'\u2018-\u201f]"
"""Some editors turn straight quotes into curly ones."""

_QUOTED = re.compile(
    rf"""\s* {_QUOTES} \s* (?P<secret> [!#-&(-\[\]-~]* ) \s* {_QUOTES}
         (?P<rest> \s* (?: \#.* )? )""",
    re.VERBOSE,
)

_BARE = re.compile(
    r"""\s* (?P<secret> [\w.~+/=-]* ) (?P<rest> \s* (?: \#.* )? )""", re.ASCII | re.VERBOSE
)

_LINE_OF_ITS_OWN = re.compile(r"""\s* (?: \# | \[ | [\w."'-]+ \s* = \s* \S | $ )""", re.VERBOSE)

_UNFINISHED = re.compile(r"\s*(?:$|[\[{]|(\"{3}|'{3})(?!.*\1))")
"""A value that may go on in the next line, whether or not TOML allows that."""

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def sift(text: str) -> Sifted:
    """Take the secrets out of a settings file; what is left is the same when sifted again.

    A file of valid TOML stays one, unless a text of several lines holds what looks like a secret.
    """
    sifted: list[str] = []
    secrets: dict[Secret, str] = {}
    mistakes = []
    for line, continuation in _entries(text):
        found = _ASSIGNMENT.fullmatch(line)
        if found is None:
            sifted.append(_without_mentions(line))
            continue
        value = _QUOTED.fullmatch(found["value"]) or _BARE.fullmatch(found["value"])
        if value is None or continuation:
            mistakes.append(len(sifted) + 1)
            sifted.append(f"{found['start']} {UNUSABLE}{found['end']}")
        else:
            if value["secret"]:
                secrets[_kind(found["name"])] = value["secret"]
            rest = _without_mentions(value["rest"])
            sifted.append(f'# {found["start"].strip()} ""{rest}{found["end"]}')
        sifted += [_line_end(removed) for removed in continuation]
    return Sifted("".join(sifted), secrets, tuple(mistakes))


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each line; one with a secret together with those that the secret may go on in."""
    lines = deque(_LINES.findall(text))
    while lines:
        line = lines.popleft()
        continuation: list[str] = []
        found = _ASSIGNMENT.fullmatch(line)
        if found and _UNFINISHED.match(found["value"]):
            while lines and not _LINE_OF_ITS_OWN.match(lines[0].rstrip("\r\n")):
                continuation.append(lines.popleft())
        yield line, continuation


def _without_mentions(line: str) -> str:
    return _MENTION.sub(lambda it: f'{it["start"]}""' if it["start"] else it[0], line)


def _line_end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _kind(name: str) -> Secret:
    if name.lower().endswith("password"):
        return Secret.MQTT_PASSWORD
    return Secret.TOKEN_SECRET if name.lower().startswith("token") else Secret.API_KEY
