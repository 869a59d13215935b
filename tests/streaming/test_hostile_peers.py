"""Peers that send without end: each is given up within a bound of memory, or when asked."""

import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.network_errors import Cause
from appliance.settings.schema import ServiceSettings
from appliance.streaming.message_rate import BURST
from appliance.streaming.outcomes import Outcome, Stage, fault_for
from appliance.streaming.transport import Transport
from tests.rig.certificates import self_signed
from tests.rig.hostile import (
    HANDSHAKES,
    MESSAGES,
    SENDING,
    HostilePeer,
    compressed_message,
    endless_line,
)
from tests.rig.waiting import wait_until

MAX_MEMORY = 8 * 1024 * 1024
"""Bytes; a message may have one million, and the library holds it twice."""


class Listening:
    """Listener that takes note of what it gets."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.frames: list[str | bytes] = []
        self.received_so_far = 0

    def opened(self) -> None:
        self.is_open.set()

    def received(self, frame: str | bytes) -> None:
        self.received_so_far += 1
        self.frames.append(frame)
        del self.frames[100:]


def transport_to(peer: HostilePeer, ca_file: str = "") -> tuple[Transport, Listening]:
    listener = Listening()
    settings = ServiceSettings(url=peer.url, ca_file=ca_file)
    return Transport(settings, "t", listener, 60.0, stall_timeout=60.0), listener


def measured(peer: HostilePeer, ca_file: str = "") -> tuple[Outcome, Listening, int]:
    """Return how a connection ends, and the bytes of memory that it took."""
    transport, listener = transport_to(peer, ca_file)
    tracemalloc.start()
    try:
        outcome = transport.run()
        return outcome, listener, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("scenario", [*MESSAGES, "empty_fragments"])
def test_a_message_without_end_is_given_up(scenario: str) -> None:
    with HostilePeer(after=SENDING[scenario]) as peer:
        outcome, listener, memory = measured(peer)
    assert outcome == Outcome(Stage.SESSION, cause=Cause.TOO_MUCH)
    assert fault_for(outcome)
    assert listener.is_open.is_set()
    assert listener.frames == []
    assert memory < MAX_MEMORY


def test_a_message_without_end_is_given_up_over_tls_too(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with HostilePeer(after=MESSAGES["endless_fragments"], tls=certificate.context) as peer:
        outcome, _, memory = measured(peer, str(certificate.file))
    assert outcome == Outcome(Stage.SESSION, cause=Cause.TOO_MUCH)
    assert memory < MAX_MEMORY


def test_a_compressed_message_is_not_unpacked() -> None:
    with HostilePeer(after=compressed_message) as peer:
        outcome, listener, memory = measured(peer)
    assert outcome.stage is Stage.SESSION
    assert listener.frames == []
    assert memory < MAX_MEMORY


def test_a_flood_of_messages_is_left_to_the_peer() -> None:
    """The clock stands still: after the burst, each message waits longer than the one before."""
    with HostilePeer(after=SENDING["flood_of_turns"]) as peer:
        listener = Listening()
        transport = Transport(ServiceSettings(url=peer.url), "t", listener, clock=lambda: 0.0)
        running = threading.Thread(target=transport.run)
        running.start()
        wait_until(lambda: listener.received_so_far >= BURST)
        transport.abort()
        running.join()
    assert listener.received_so_far < BURST + 100


@pytest.mark.parametrize("scenario", HANDSHAKES)
@pytest.mark.parametrize("status", ["101 Switching Protocols", "403 Forbidden"])
def test_an_answer_without_end_is_given_up(scenario: str, status: str) -> None:
    with HostilePeer(before=lambda: HANDSHAKES[scenario](status)) as peer:
        outcome, listener, memory = measured(peer)
    assert outcome.stage is Stage.HANDSHAKE
    if "403" in status and scenario != "no_http":
        assert outcome == Outcome(Stage.HANDSHAKE, 403, foreign=True)
    elif scenario.startswith("endless"):
        assert outcome == Outcome(Stage.HANDSHAKE, cause=Cause.TOO_MUCH)
    assert fault_for(outcome)
    assert not listener.is_open.is_set()
    assert memory < MAX_MEMORY


@pytest.mark.parametrize("scenario", SENDING)
def test_a_connection_is_ended_amid_what_a_peer_sends(scenario: str) -> None:
    with HostilePeer(after=SENDING[scenario]) as peer:
        transport, listener = transport_to(peer)
        running = threading.Thread(target=transport.run)
        running.start()
        assert listener.is_open.wait(60)
        transport.abort()
        running.join(60)
        assert not running.is_alive()


def test_a_handshake_is_ended_amid_what_a_peer_sends() -> None:
    def slow() -> Iterator[bytes]:
        for piece in endless_line("101 Switching Protocols"):
            peer.sending.set()
            yield piece[:20]
            if released.wait(0.05):
                return

    released = threading.Event()
    with HostilePeer(before=slow) as peer:
        transport, _ = transport_to(peer)
        running = threading.Thread(target=transport.run)
        running.start()
        assert peer.sending.wait(60)
        transport.abort()
        running.join(60)
        released.set()
        assert not running.is_alive()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_a_wrong_address_and_nobody_else_hears_anything(
    tmp_path: Path, status: int
) -> None:
    certificate = self_signed(tmp_path)
    with HostilePeer() as elsewhere:
        answer = (
            f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        )
        with HostilePeer(lambda: iter([answer.encode()]), tls=certificate.context) as peer:
            outcome, listener, _ = measured(peer, str(certificate.file))
        assert outcome == Outcome(Stage.HANDSHAKE, status)
        fault = fault_for(outcome)
        assert fault
        assert fault.what == "Wrong address"
        assert not listener.is_open.is_set()
        assert elsewhere.requests == []


def test_a_peers_cookies_are_shown_to_nobody() -> None:
    answer = (
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
        "Set-Cookie: a=b; Domain=127.0.0.1; Path=/\r\n\r\n"
    )
    redirection = answer.replace("403 Forbidden", "302 Found\r\nLocation: ws://127.0.0.1:9/")
    for text in (answer, redirection):
        with HostilePeer(lambda text=text: iter([text.encode()])) as peer:  # type: ignore[misc]
            for _ in range(2):
                transport_to(peer)[0].run()
            assert len(peer.requests) == 2
            assert not any("Cookie" in request for request in peer.requests)
