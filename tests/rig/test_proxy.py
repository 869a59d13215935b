import json
import math
from collections.abc import Iterator

import pytest
import requests
import websocket

from tests.rig.client import Client, connected
from tests.rig.packets import needs_vanishing
from tests.rig.proxy import Proxy
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SECOND = bytes(32_000)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


@pytest.fixture
def proxy(service: ScriptedService) -> Iterator[Proxy]:
    with Proxy(service.port) as proxy:
        yield proxy


def finished(client: Client) -> bool:
    client.send({"type": "Terminate"})
    return bool(client.messages()[-1]["close"] == 1000)


def test_everything_is_forwarded(service: ScriptedService, proxy: Proxy) -> None:
    assert requests.get(proxy.route(service.token_url), timeout=20).ok
    with connected(service, proxy.route(service.url)) as client:
        client.speak(20 * SECOND)
        assert finished(client)
    assert service.connections[0].audio_seconds == 20
    assert service.connections[0].ended_by == "service"


def test_a_pause_holds_everything_back_until_it_is_over(
    service: ScriptedService, proxy: Proxy
) -> None:
    with connected(service, proxy.route(service.url)) as client:
        client.speak(SECOND)
        wait_until(lambda: service.connections[0].audio_seconds == 1)
        proxy.pause()
        client.speak(SECOND)
        client.socket.settimeout(0.3)
        assert client.socket.recv()
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.socket.recv()
        assert service.connections[0].audio_seconds < 2
        client.socket.settimeout(20)
        proxy.resume()
        assert finished(client)
    assert service.connections[0].audio_seconds == 2


def test_a_pause_swallows_little(service: ScriptedService, proxy: Proxy) -> None:
    with connected(service, proxy.route(service.url)) as client:
        assert client.socket.recv()
        proxy.pause()
        client.socket.settimeout(0.3)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.speak(8 * SECOND)


def test_a_cut_resets_both_sides(service: ScriptedService, proxy: Proxy) -> None:
    with connected(service, proxy.route(service.url)) as client:
        assert client.socket.recv()
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.socket.recv()
    wait_until(lambda: service.connections[0].ended_by == "network")


def test_connections_are_refused_and_accepted_again(service: ScriptedService, proxy: Proxy) -> None:
    with connected(service, proxy.route(service.url)) as client:
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            Client(proxy.route(service.url))
        assert finished(client)
    proxy.accept()
    with connected(service, proxy.route(service.url)) as client:
        assert finished(client)


def test_the_uplink_is_slow_and_the_downlink_is_not(service: ScriptedService, proxy: Proxy) -> None:
    with connected(service, proxy.route(service.url)) as client:
        assert client.socket.recv()
        proxy.throttle(60_000)
        client.speak(2 * SECOND)
        service.send_raw(json.dumps({"type": "Heartbeat", "text": "x" * 100_000}))
        assert json.loads(client.socket.recv())["type"] == "Heartbeat"
        assert service.connections[0].audio_seconds < 2
        wait_until(lambda: service.connections[0].audio_seconds == 2)
        proxy.throttle(math.inf)
        assert finished(client)
    frames = service.connections[0].frames
    rate = 3200 * (len(frames) - 1) / (frames[-1].at - frames[0].at)
    assert rate < 90_000


@needs_vanishing
def test_in_a_blackhole_nothing_is_acknowledged(service: ScriptedService, proxy: Proxy) -> None:
    with connected(service, proxy.route(service.url)) as client:
        assert client.socket.recv()
        proxy.blackhole()
        client.speak(SECOND)
        with pytest.raises((TimeoutError, websocket.WebSocketTimeoutException)):
            websocket.create_connection(proxy.route(service.url), timeout=0.3)
        assert service.connections[0].audio_seconds < 1
        proxy.end_blackhole()
        assert finished(client)
    assert service.connections[0].audio_seconds == 1


@needs_vanishing
def test_closing_ends_paused_and_vanished_connections(service: ScriptedService) -> None:
    with Proxy(service.port) as proxy, connected(service, proxy.route(service.url)) as client:
        assert client.socket.recv()
        proxy.blackhole()


def test_a_service_that_is_down_resets(service: ScriptedService, proxy: Proxy) -> None:
    service.down_for()
    with pytest.raises(ConnectionResetError):
        Client(proxy.route(service.url))
