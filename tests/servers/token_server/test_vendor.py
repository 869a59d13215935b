import asyncio
import contextlib
import re
import socket
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.servers.token_server.vendor import (
    MINT_THREADS,
    MintingPool,
    Token,
    TokenRefusedError,
    Vendor,
)
from appliance.streaming.outcomes import Outcome, Reaction, Stage, rule_for
from tests.rig.listener import Listener
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

KEY = "the-api-key"
TOKEN = Token("t", 60)


def refusal(vendor: Vendor) -> TokenRefusedError:
    with pytest.raises(TokenRefusedError) as refused:
        vendor.mint()
    assert KEY not in str(refused.value) + refused.value.reason
    return refused.value


def reaction_to(refused: TokenRefusedError) -> Reaction:
    """Return how an appliance reacts to a refusal."""
    return rule_for(Outcome(Stage.TOKEN, refused.status, refused.reason)).reaction


def test_a_token_is_requested_with_the_key_and_the_options() -> None:
    with ScriptedService() as service:
        vendor = Vendor(lambda: KEY, service.api_token_url, expires_in=45, max_session_duration=120)
        assert vendor.mint() == Token(service.tokens[0].value, 45)
        (request,) = service.token_requests
        assert request.headers["Authorization"] == KEY
        assert parse_qs(urlsplit(request.path).query) == {
            "expires_in_seconds": ["45"],
            "max_session_duration_seconds": ["120"],
        }


@pytest.mark.parametrize(
    ("status", "said", "sent_status", "reason", "reaction"),
    [
        (401, "Unauthorized", 403, "API key refused", Reaction.OWNER),
        (403, "Forbidden", 403, "API key refused", Reaction.OWNER),
        (401, "Insufficient funds", 402, "No credit left", Reaction.OWNER),
        (402, "", 402, "No credit left", Reaction.OWNER),
        (200, "Insufficient account balance", 402, "No credit left", Reaction.OWNER),
        (200, "Too many concurrent sessions", 429, "Service is busy", Reaction.WAIT),
        (200, "Account disabled", 403, "Account disabled", Reaction.OWNER),
        (200, "Unauthorized", 403, "API key refused", Reaction.OWNER),
        (400, "Invalid API key", 403, "API key refused", Reaction.OWNER),
        (200, "Something else", 502, "Service fault", Reaction.RETRY),
        (400, "Insufficient funds", 402, "No credit left", Reaction.OWNER),
        (403, "Account disabled", 403, "Account disabled", Reaction.OWNER),
        (401, "Too many concurrent sessions", 429, "Service is busy", Reaction.WAIT),
        (429, "Too many requests", 429, "Service is busy", Reaction.WAIT),
        (400, "expires_in_seconds", 400, "Setting refused", Reaction.OWNER),
        (404, "", 502, "Service fault", Reaction.RETRY),
        (500, "Internal error", 502, "Service fault", Reaction.RETRY),
        (503, "", 502, "Service fault", Reaction.RETRY),
    ],
)
def test_a_refusal_of_the_vendor_leads_to_the_right_reaction(
    status: int, said: str, sent_status: int, reason: str, reaction: Reaction
) -> None:
    with ScriptedService() as service:
        service.token_answer = status, {"error": said}
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.reason) == (sent_status, reason)
    assert reaction_to(refused) is reaction
    assert str(status) in str(refused)
    assert said in str(refused)


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[]", "{}", {"token": ""}, {"token": 5}, {"token": "t", "error": "no"}],
)
def test_an_answer_without_a_token_is_a_fault(body: Any) -> None:  # noqa: ANN401
    with ScriptedService() as service:
        service.token_answer = 200, body
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.reason) == (502, "Service fault")
    assert re.search(r"the vendor: 200, (no words|no)\)$", str(refused))


def test_key_and_token_are_redacted_from_the_vendors_words() -> None:
    with ScriptedService() as service:
        said = f"the key {KEY}\nhas no right to t0ken-t0ken"
        service.token_answer = 401, {"error": said, "token": "t0ken-t0ken"}
        logged = str(refusal(Vendor(lambda: KEY, service.api_token_url)))
    assert "the key … has no right to …" in logged


@pytest.mark.parametrize("key", ["", "with blank", "sk-\N{EN DASH}-pasted", "two\nlines"])
def test_without_a_usable_key_there_is_no_request(key: str) -> None:
    with ScriptedService() as service:
        with pytest.raises(TokenRefusedError) as refused:
            Vendor(lambda: key, service.api_token_url).mint()
        assert (refused.value.status, refused.value.reason) == (503, "No API key")
        assert service.token_requests == []


def test_a_vendor_out_of_reach_is_a_refusal() -> None:
    with ScriptedService() as service:
        service.token_down_for()
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.reason) == (502, "Service out of reach")
    assert reaction_to(refused) is Reaction.RETRY


def test_an_unknown_host_name_is_in_the_log() -> None:
    refused = refusal(Vendor(lambda: KEY, "http://nowhere.invalid/v3/token"))
    assert "name not found" in str(refused)


def test_a_redirect_does_not_receive_the_key() -> None:
    with ScriptedService() as elsewhere:
        listener = _answering(
            f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.api_token_url}\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        try:
            refused = refusal(Vendor(lambda: KEY, f"http://127.0.0.1:{listener.port}/v3/token"))
        finally:
            listener.close()
        assert refused.reason == "Service fault"
        assert elsewhere.token_requests == []


def test_an_answer_that_arrives_too_slowly_is_a_refusal() -> None:
    moments = iter(range(0, 100, 3))
    listener = _answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", drip=b" ")
    try:
        url = f"http://127.0.0.1:{listener.port}/v3/token"
        refused = refusal(Vendor(lambda: KEY, url, clock=lambda: next(moments)))
    finally:
        listener.close()
    assert (refused.status, refused.reason) == (504, "Service is too slow")


def test_an_oversized_answer_is_a_fault() -> None:
    with ScriptedService() as service:
        service.token_answer = 200, {"token": "t" * 20_000}
        refused = refusal(Vendor(lambda: KEY, service.api_token_url))
    assert (refused.status, refused.reason) == (502, "Service fault")


def _answering(head: str, drip: bytes = b"") -> Listener:
    """Return a listener that answers with `head`, then with `drip` again and again."""

    def serve(sock: socket.socket) -> None:
        with sock:
            sock.settimeout(20)
            sock.recv(65_536)
            sock.sendall(head.encode())
            with contextlib.suppress(OSError):  # the client has disconnected
                while drip:
                    sock.sendall(drip)
                    time.sleep(0.01)

    return Listener("vendor", serve)


# Minting pool


def outcome(result: object) -> object:
    return result.status if isinstance(result, TokenRefusedError) else result


def test_many_concurrent_requests_are_all_served() -> None:
    async def ask() -> list[Token]:
        return await asyncio.gather(*(pool.mint() for _ in range(300)))

    pool = MintingPool(lambda: TOKEN)
    assert asyncio.run(ask()) == [TOKEN] * 300
    pool.close()


def test_a_refusal_reaches_the_caller() -> None:
    def refuse() -> Token:
        raise TokenRefusedError(402, "No credit left")

    pool = MintingPool(refuse)
    with pytest.raises(TokenRefusedError, match="No credit left"):
        asyncio.run(pool.mint())
    pool.close()


def test_a_hanging_vendor_is_a_refusal_and_adds_no_threads() -> None:
    hanging, answered = threading.Semaphore(0), threading.Event()

    def hang() -> Token:
        hanging.release()
        answered.wait()
        return TOKEN

    async def ask() -> list[object]:
        asked = (pool.mint() for _ in range(MINT_THREADS * 2))
        return [outcome(result) for result in await asyncio.gather(*asked, return_exceptions=True)]

    pool = MintingPool(hang, timeout=0.2)
    assert asyncio.run(ask()) == [504] * MINT_THREADS * 2
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("mint")]
    assert len(threads) <= MINT_THREADS
    answered.set()

    async def ask_once() -> object:
        (result,) = await asyncio.gather(pool.mint(), return_exceptions=True)
        return result

    wait_until(lambda: asyncio.run(ask_once()) == TOKEN)  # it recovers
    pool.close()
    assert not any(thread.is_alive() for thread in threads)
