import json
import re
import socket
from collections.abc import Iterator

import pytest
import websocket

from tests.rig.client import Client, connected
from tests.rig.connection import Behaviour
from tests.rig.faults import (
    How,
    drop_after,
    drop_handshake,
    drop_on_terminate,
    end_session_after,
    fail_after,
    go_silent_after,
    ignore_terminate,
    never_answer,
    rate_limit,
    refuse,
    refuse_handshake,
    say_after,
    slow_handshake,
    vanish_after,
)
from tests.rig.packets import needs_vanishing
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SECOND = bytes(32_000)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


def test_only_the_numbered_connection_misbehaves(service: ScriptedService) -> None:
    service.on_connection(2, refuse(1008, "Too many concurrent sessions"))
    closes = []
    for _ in range(3):
        with connected(service) as client:
            client.send({"type": "Terminate"})
            closes.append(client.messages()[-1])
    assert closes[1] == {"close": 1008, "reason": "Too many concurrent sessions"}
    assert [close["close"] for close in closes] == [1000, 1008, 1000]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 503])
def test_handshakes_are_refused_over_http(service: ScriptedService, status: int) -> None:
    service.on_every_connection(refuse_handshake(status, "not today"))
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        Client(service.url)
    assert (refusal.value.status_code, refusal.value.resp_body) == (status, b"not today")
    assert service.connections[0].opened_at is None


def test_handshakes_are_reset(service: ScriptedService) -> None:
    service.on_connection(1, drop_handshake())
    with pytest.raises(ConnectionResetError):
        Client(service.url)


def test_handshakes_stay_without_an_answer(service: ScriptedService) -> None:
    service.on_connection(1, never_answer())
    with pytest.raises(websocket.WebSocketTimeoutException):
        websocket.create_connection(service.url, timeout=0.3)


def test_handshakes_are_slow(service: ScriptedService) -> None:
    service.on_connection(1, slow_handshake(0.4))
    with pytest.raises(websocket.WebSocketTimeoutException):
        websocket.create_connection(service.url, timeout=0.1)
    with connected(service) as client:
        assert client.socket.recv()


def test_connections_are_reset_after_so_much_audio(service: ScriptedService) -> None:
    service.on_connection(1, drop_after(seconds_of_audio=0.5))
    with connected(service) as client:
        client.speak(SECOND[:16_000])
        with pytest.raises(ConnectionResetError):
            client.messages()
    record = service.connections[0]
    assert (record.ended_by, record.close_code, record.audio_seconds) == ("service", None, 0.5)


def test_connections_are_closed_after_so_much_audio(service: ScriptedService) -> None:
    service.on_connection(1, drop_after(0.3, how="close", code=3005, reason="oops"))
    with connected(service) as client:
        client.speak(SECOND)
        assert client.messages()[1:] == [{"close": 3005, "reason": "oops"}]
    assert service.connections[0].audio_seconds == pytest.approx(0.3)


def test_errors_come_with_their_close_code(service: ScriptedService) -> None:
    service.on_connection(1, fail_after(0.3, 3005, "Service error"))
    with connected(service) as client:
        client.speak(SECOND)
        _, error, close = client.messages()
    assert error == {"type": "Error", "error_code": 3005, "error": "Service error"}
    assert close["close"] == 3005


def test_sessions_expire(service: ScriptedService) -> None:
    service.on_connection(1, end_session_after(3008, seconds=0.2))
    with connected(service) as client:
        assert [m.get("type", m.get("close")) for m in client.messages()] == [
            "Begin",
            "Error",
            3008,
        ]


def test_faults_can_begin_at_any_moment(service: ScriptedService) -> None:
    with connected(service) as client:
        assert client.socket.recv()
        service.now(drop_after(seconds_of_audio=0))
        with pytest.raises(ConnectionResetError):
            client.messages()


def test_a_silent_service_takes_little_and_answers_nothing(service: ScriptedService) -> None:
    service.on_connection(1, go_silent_after(seconds_of_audio=1))
    with connected(service) as client:
        client.socket.settimeout(0.5)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.speak(60 * SECOND)
    wait_until(lambda: service.connections[0].audio_seconds == 1)


@needs_vanishing
def test_a_vanished_service_acknowledges_nothing(service: ScriptedService) -> None:
    service.on_connection(1, vanish_after(seconds_of_audio=0))
    with connected(service) as client:
        assert service.wait_for_connection(1)
        assert json.loads(client.socket.recv())["type"] == "Begin"
        client.socket.settimeout(0.5)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.speak(200 * SECOND)


@pytest.mark.parametrize("limit", [rate_limit(ahead=5.4), rate_limit(ahead=5, factor=1.25)])
def test_audio_that_comes_too_fast_is_refused(service: ScriptedService, limit: Behaviour) -> None:
    service.on_every_connection(limit)
    with connected(service) as client:
        client.speak(30 * SECOND, frame=32_000)
        close = client.messages()[-1]
    assert close["close"] == 3007
    excess = r"Audio Transmission Rate Exceeded: Received \d+\.0 sec\. audio in \d+\.\d sec"
    assert re.fullmatch(excess, close["reason"])


def test_audio_within_the_rate_is_taken(service: ScriptedService) -> None:
    service.on_every_connection(rate_limit(ahead=2))
    with connected(service) as client:
        client.speak(2 * SECOND)
        client.send({"type": "Terminate"})
        assert client.messages()[-1]["close"] == 1000


def test_messages_are_slipped_in_once(service: ScriptedService) -> None:
    service.on_every_connection(say_after(0.2, '{"type": "Surprise"}'))
    for _ in range(2):
        with connected(service) as client:
            client.speak(SECOND)
            client.send({"type": "Terminate"})
            assert [m.get("type") for m in client.messages()].count("Surprise") == 1


@pytest.mark.parametrize(("how", "code"), [("reset", None), ("close", 1011)])
def test_sessions_are_dropped_at_their_end(
    service: ScriptedService, how: How, code: int | None
) -> None:
    service.on_connection(1, drop_on_terminate(how))
    with connected(service) as client:
        client.send({"type": "Terminate"})
        wait_until(lambda: service.connections[0].ended_by)
    assert service.connections[0].close_code == code
    assert service.connections[0].terminated_at


def test_terminate_is_ignored(service: ScriptedService) -> None:
    service.on_connection(1, ignore_terminate())
    with connected(service) as client:
        assert client.socket.recv()
        client.send({"type": "Terminate"})
        wait_until(lambda: service.connections[0].messages)
        client.socket.settimeout(0.3)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.socket.recv()


@needs_vanishing
def test_stopping_ends_what_hangs() -> None:
    with ScriptedService() as service:
        service.on_connection(1, never_answer())
        service.on_connection(2, go_silent_after(0))
        service.on_connection(3, vanish_after(0))
        idle = socket.create_connection(("127.0.0.1", service.port))
        with pytest.raises(websocket.WebSocketTimeoutException):
            websocket.create_connection(service.url, timeout=0.1)
        with connected(service) as silent, connected(service) as vanished:
            assert silent.socket.recv()
            assert vanished.socket.recv()
    idle.close()
