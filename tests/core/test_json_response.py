from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from appliance.core.json_response import MAX_BODY, MAX_TEXT, read_json, redact


class Reply(msgspec.Struct):
    token: str | None = None


def test_a_body_may_arrive_byte_by_byte() -> None:
    body = b'{"token": "t", "more": 1}'
    assert read_json((body[i : i + 1] for i in range(len(body))), Reply, 5.0) == Reply("t")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[]", b"null", b'{"token": 5}'])
def test_a_body_that_does_not_fit_is_an_answer_of_defaults(body: bytes) -> None:
    assert read_json([body], Reply, 5.0) == Reply()


@pytest.mark.parametrize("size", [20_000, MAX_BODY - 100])
def test_a_body_may_be_long_and_begin_with_a_byte_order_mark(size: int) -> None:
    body = b'\xef\xbb\xbf{"more": "' + b"x" * size + b'", "token": "t"}'
    assert read_json((body[i : i + 1] for i in range(len(body))), Reply, 60.0) == Reply("t")


class AnyError(msgspec.Struct):
    error: Any = None


@pytest.mark.parametrize("within", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [400, 900, 10_000])
def test_endless_nesting_is_an_answer_of_defaults(within: bytes, depth: int) -> None:
    assert read_json([b'{"error":' + within * depth], AnyError, 5.0) == AnyError()


def test_a_body_that_drips_in_is_given_up() -> None:
    moments = iter(range(100))
    read: list[bytes] = []

    def drip() -> Iterator[bytes]:
        while True:
            read.append(b" ")
            yield b" "

    with pytest.raises(TimeoutError):
        read_json(drip(), Reply, 5.0, lambda: next(moments))
    assert len(read) == 6


@pytest.mark.parametrize("size", [1, 1000, MAX_BODY, 10 * MAX_BODY])
def test_a_body_without_end_is_read_up_to_the_limit(size: int) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b'{"token": "'
        while True:
            read += size
            yield b"t" * size

    assert read_json(endless(), Reply, 60.0) == Reply()
    assert read < MAX_BODY + size


def test_a_peer_s_words_lose_secrets_and_line_breaks() -> None:
    assert redact("the key s3cret\nof t0ken\x1b", "s3cret", None, "", "t0ken") == (
        "the key … of …\x1b"
    )
    assert len(redact("x" * 1000)) == MAX_TEXT
    assert redact(None) == ""
