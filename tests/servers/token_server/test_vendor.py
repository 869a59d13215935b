import contextlib
import re
import socket
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.servers.token_server.vendor import RefusalError, Token, Vendor
from appliance.streaming.outcomes import Outcome, Reaction, Stage, rule_for
from tests.rig.listener import Listener
from tests.rig.service import ScriptedService

KEY = "the-api-key"


def refusal(vendor: Vendor) -> RefusalError:
    with pytest.raises(RefusalError) as refused:
        vendor.mint()
    assert KEY not in str(refused.value) + refused.value.words
    return refused.value


def answer_to(refused: RefusalError) -> Reaction:
    """Return what an appliance does when it is told that."""
    return rule_for(Outcome(Stage.TOKEN, refused.status, refused.words)).reaction


def test_a_token_is_minted_with_the_key_and_what_was_set() -> None:
    with ScriptedService() as service:
        vendor = Vendor(lambda: KEY, service.api_token_url, expires_in=45, longest_session=120)
        assert vendor.mint() == Token(service.tokens[0].value, 45)
        (request,) = service.token_requests
        assert request.headers["Authorization"] == KEY
        assert parse_qs(urlsplit(request.path).query) == {
            "expires_in_seconds": ["45"],
            "max_session_duration_seconds": ["120"],
        }


@pytest.mark.parametrize(
    ("status", "said", "told", "words", "answer"),
    [
        (401, "Unauthorized", 403, "API key refused", Reaction.OWNER),
        (403, "Forbidden", 403, "API key refused", Reaction.OWNER),
        (401, "Insufficient funds", 402, "No credit left", Reaction.OWNER),
        (402, "", 402, "No credit left", Reaction.OWNER),
        (403, "Account disabled", 403, "Account disabled", Reaction.OWNER),
        (401, "Too many concurrent sessions", 429, "Service is busy", Reaction.WAIT),
        (429, "Too many requests", 429, "Service is busy", Reaction.WAIT),
        (400, "expires_in_seconds", 400, "Setting refused", Reaction.OWNER),
        (404, "", 502, "Service fault", Reaction.RETRY),
        (500, "Internal error", 502, "Service fault", Reaction.RETRY),
        (503, "", 502, "Service fault", Reaction.RETRY),
    ],
)
def test_the_vendors_refusal_makes_an_appliance_do_what_helps(
    status: int, said: str, told: int, words: str, answer: Reaction
) -> None:
    with ScriptedService() as service:
        service.token_answer = status, {"error": said}
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.words) == (told, words)
    assert answer_to(refused) is answer
    assert str(status) in str(refused)
    assert said in str(refused)


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[]", "{}", {"token": ""}, {"token": 5}, {"token": "t", "error": "no"}],
)
def test_an_answer_without_a_good_token_is_a_fault(body: Any) -> None:  # noqa: ANN401
    with ScriptedService() as service:
        service.token_answer = 200, body
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.words) == (502, "Service fault")
    assert re.search(r"the vendor: 200, (no words|no)\)$", str(refused))


def test_what_the_vendor_repeats_of_key_and_token_is_not_told() -> None:
    with ScriptedService() as service:
        said = f"the key {KEY}\nhas no right to t0ken-t0ken"
        service.token_answer = 401, {"error": said, "token": "t0ken-t0ken"}
        told = str(refusal(Vendor(lambda: KEY, service.api_token_url)))
    assert "the key … has no right to …" in told


@pytest.mark.parametrize("key", ["", "with blank", "sk-\N{EN DASH}-pasted", "two\nlines"])
def test_without_a_key_that_can_be_sent_nobody_is_asked(key: str) -> None:
    with ScriptedService() as service:
        with pytest.raises(RefusalError) as refused:
            Vendor(lambda: key, service.api_token_url).mint()
        assert (refused.value.status, refused.value.words) == (503, "No API key")
        assert service.token_requests == []


def test_a_vendor_out_of_reach_is_told() -> None:
    with ScriptedService() as service:
        service.token_down_for()
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.words) == (502, "Service out of reach")
    assert answer_to(refused) is Reaction.RETRY


def test_a_name_that_is_unknown_is_told() -> None:
    refused = refusal(Vendor(lambda: KEY, "http://nowhere.invalid/v3/token"))
    assert "name not found" in str(refused)


def test_the_key_is_not_carried_on_to_where_the_vendor_redirects() -> None:
    with ScriptedService() as on_fallback:
        listener = _answering(
            f"HTTP/1.1 302 Found\r\nLocation: {on_fallback.api_token_url}\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        try:
            refused = refusal(Vendor(lambda: KEY, f"http://127.0.0.1:{listener.port}/v3/token"))
        finally:
            listener.close()
        assert refused.words == "Service fault"
        assert on_fallback.token_requests == []


def test_an_answer_that_drips_in_is_given_up() -> None:
    moments = iter(range(0, 100, 3))
    listener = _answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", drip=b" ")
    try:
        url = f"http://127.0.0.1:{listener.port}/v3/token"
        refused = refusal(Vendor(lambda: KEY, url, clock=lambda: next(moments)))
    finally:
        listener.close()
    assert (refused.status, refused.words) == (504, "Service is too slow")


def test_an_answer_without_end_is_a_fault() -> None:
    with ScriptedService() as service:
        service.token_answer = 200, {"token": "t" * 20_000}
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.words) == (502, "Service fault")


def _answering(head: str, drip: bytes = b"") -> Listener:
    """Return a port that answers with this, then drop by drop until the client has gone."""

    def serve(sock: socket.socket) -> None:
        with sock:
            sock.settimeout(20)
            sock.recv(65_536)
            sock.sendall(head.encode())
            with contextlib.suppress(OSError):  # until the client has gone
                while drip:
                    sock.sendall(drip)
                    time.sleep(0.01)

    return Listener("vendor", serve)
