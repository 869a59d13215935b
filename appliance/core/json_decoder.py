"""Bounded decoder of JSON, for all that comes from outside.

What exceeds a limit in a document becomes `null`, so that the rest of it still counts: a value that
is nested too deeply, or a number that no part of the program can have use for. Half a character
becomes U+FFFD.
"""

import json
import re
from types import UnionType
from typing import Generic, TypeVar

import msgspec

MAX_SIZE = 1024 * 1024
"""Bytes of a document."""

MAX_DEPTH = 16
"""Lists and objects within each other; no document that is meant for the program has half as many.
The limit holds before anything is parsed: near the end of the stack any code may fail."""

MAX_NUMBER = 2**53 - 1
"""The largest number, the same for all readers of JSON (RFC 8259, section 6)."""

T = TypeVar("T")

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
"""A string, up to the end of the document if it has none of its own."""

_STRINGS = re.compile(_STRING, re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_MAYBE_LARGE = re.compile(r"\d{16}|\d[eE]\+?\d")
_TOKENS = re.compile(rf"{_STRING}|(?P<open>[\[{{])|(?P<close>[\]}}])|-?\d[\d.eE+-]*+", re.DOTALL)

_ESCAPES = re.compile(
    r"""
    (?P<sound> \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2} )
    | (?P<half> \\u[dD][89a-fA-F][0-9a-fA-F]{2} )
    | \\.
    """,
    re.DOTALL | re.VERBOSE,
)
_HALF = re.compile("[\ud800-\udfff]")


class InvalidJsonError(ValueError):
    """A document is not JSON, is too long, or does not have the form that is expected."""


class JsonDecoder(Generic[T]):
    r"""Decoder of documents of one type; any thread may use it.

        >>> import msgspec
        >>> class Said(msgspec.Struct):
        ...     text: str
        ...     count: int | None = None
        >>> said = JsonDecoder(Said)
        >>> said.decode(b'{"text": "so \\ud83d", "count": 1e308}')
        Said(text='so \ufffd', count=None)

    Args:
        type_: what a document becomes.
        strict: whether a number must be one, and not text that holds one.
        max_size: bytes of a document.
    """

    def __init__(
        self, type_: type[T] | UnionType, *, strict: bool = True, max_size: int = MAX_SIZE
    ) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_, strict=strict)
        self._max_size = max_size

    def decode(self, document: bytes | bytearray | str | msgspec.Raw) -> T:
        """Return what a document holds, or a part of one that was decoded before.

        Raises:
            InvalidJsonError: it can't be understood.
        """
        try:
            if isinstance(document, msgspec.Raw):
                return self._decoder.decode(document)
            if len(document) > self._max_size:
                raise InvalidJsonError(f"it is longer than {self._max_size} bytes")
            return self._decoder.decode(_bounded(_text(document)))
        except msgspec.MsgspecError as error:
            raise InvalidJsonError(str(error)) from None


def _text(document: bytes | bytearray | str) -> str:
    """Return a document without a byte order mark, which a reader may ignore, or half characters.

    A high surrogate without a low one, or the other way round, is half a character. Programs on
    Windows write UTF-16, too.
    """
    if not isinstance(document, str):
        document = document.decode(json.detect_encoding(document), errors="replace")
    text = _HALF.sub("\ufffd", document.removeprefix("\ufeff"))
    return _ESCAPES.sub(_whole, text) if "\\ud" in text or "\\uD" in text else text


def _whole(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape["half"] else escape[0]


def _bounded(text: str) -> str:
    """Return a document with `null` for each value beyond the limits."""
    bare = _STRINGS.sub('""', text)
    if not (_is_deep(bare) or _MAYBE_LARGE.search(bare)):
        return text
    pieces, kept, depth = [], 0, 0
    for token in _TOKENS.finditer(text):
        first = token[0][0]
        if token["open"]:
            depth += 1
            if depth == MAX_DEPTH + 1:
                pieces.append(text[kept : token.start()])
        elif token["close"]:
            if depth == MAX_DEPTH + 1:
                pieces.append("null")
                kept = token.end()
            depth -= 1
        elif first != '"' and depth <= MAX_DEPTH and _is_large(token[0]):
            pieces += [text[kept : token.start()], "null"]
            kept = token.end()
    if depth > MAX_DEPTH:
        raise InvalidJsonError("it ends within a list or an object")
    return "".join(pieces) + text[kept:]


def _is_deep(bare: str) -> bool:
    """Return whether lists and objects are nested too deeply, or have no end."""
    brackets = bare.encode().translate(_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _is_large(number: str) -> bool:
    try:
        return abs(float(number)) > MAX_NUMBER
    except ValueError:
        return False  # no number: the parser says so
