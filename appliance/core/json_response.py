"""Guarded reader of the small JSON answers that token endpoints give."""

import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import msgspec

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder

MAX_BODY = 64 * 1024
"""Bytes read of an answer; one with a token has some hundreds, a talkative one many thousands."""

TokenText = Annotated[str, msgspec.Meta(max_length=8000)]
"""A token, which must fit into the first line of a request (RFC 9112, section 3)."""

MAX_TEXT = 1000
"""Characters kept of a peer's own words: what decides may stand at their end."""

Answer = TypeVar("Answer", bound=msgspec.Struct)


class Explained(msgspec.Struct):
    """Answer that may say in words why it refuses; only `error` alone makes it a refusal."""

    error: Any = None
    message: Any = None
    detail: Any = None

    @property
    def words(self) -> Any:  # noqa: ANN401 - a peer's JSON
        """What the peer says, in the first of the usual places that holds something.

        >>> Explained(message="Unauthorized").words
        'Unauthorized'
        """
        return self.error or self.message or self.detail


def read_json(
    pieces: Iterable[bytes],
    answer: type[Answer],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    r"""Return a body that arrives in pieces as a struct, or one of defaults if it does not fit.

    No more than `MAX_BODY` bytes are read, and the whole body must arrive within `seconds`, so
    that a peer that sends a byte now and then cannot hold a thread.

        >>> class Greeting(msgspec.Struct):
        ...     hello: str = "nobody"
        >>> read_json([b'{"hello":', b' "world"}'], Greeting, seconds=5.0)
        Greeting(hello='world')
        >>> read_json([b"<html>"], Greeting, seconds=5.0)
        Greeting(hello='nobody')

    Raises:
        TimeoutError: the body took longer than `seconds`.
    """
    deadline = clock() + seconds
    body = bytearray()
    for piece in pieces:
        body += piece
        if clock() > deadline:
            raise TimeoutError
        if len(body) >= MAX_BODY:
            break
    try:
        return JsonDecoder(answer).decode(body[:MAX_BODY])
    except InvalidJsonError:
        return answer()


def redact(text: object, *secrets: str | None) -> str:
    """Return a peer's words on one line, cut to `MAX_TEXT`, each secret replaced by an ellipsis."""
    said = str(text or "")
    for secret in filter(None, secrets):
        said = said.replace(secret, "…")
    return " ".join(said.split())[:MAX_TEXT]
