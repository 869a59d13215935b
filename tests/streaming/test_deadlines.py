"""No peer that sends a byte now and then keeps an attempt going."""

import threading
from pathlib import Path

import pytest

from appliance.core.events import Disconnected, SessionEnded
from appliance.core.network_errors import Cause
from appliance.mqtt.broker_connection import BrokerConnection
from appliance.mqtt.errors import AWAY, BrokerError
from appliance.settings.schema import MqttSettings, ServiceSettings
from appliance.streaming.outcomes import Outcome, Stage, fault_for
from appliance.streaming.tokens import TokenError, TokenSource
from appliance.streaming.transport import Transport
from tests.rig.dripping import STAGES, DrippingPeer
from tests.rig.numbered import numbered
from tests.rig.proxy import Proxy
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.running_session import SPEECH, RunningSession, assert_nothing_lost

IN_HTTP = [stage for stage in STAGES if stage != "TLS"]
SHORT = 0.4


class NeverOpened:
    """Listener of a connection that never opens."""

    def opened(self) -> None:
        raise AssertionError("it can't be opened")

    def received(self, frame: str | bytes) -> None:
        raise AssertionError(f"received {frame!r}")


def token_at(url: str) -> Outcome:
    with pytest.raises(TokenError) as refused:
        TokenSource(ServiceSettings(token_url=url)).fetch(SHORT)
    return refused.value.outcome


@pytest.mark.parametrize("stage", IN_HTTP)
def test_a_token_that_drips_is_given_up(stage: str) -> None:
    with DrippingPeer(STAGES[stage]) as peer:
        assert token_at(f"http://{peer.address}/token") == Outcome(Stage.TOKEN, cause=Cause.TIMEOUT)


def test_a_token_server_whose_tls_drips_is_given_up() -> None:
    with DrippingPeer(STAGES["TLS"]) as peer:
        assert token_at(f"https://{peer.address}/token") == Outcome(
            Stage.TOKEN, cause=Cause.TIMEOUT
        )


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "body"])
def test_a_handshake_that_drips_is_given_up(stage: str) -> None:
    with DrippingPeer(STAGES[stage]) as peer:
        url = f"{'wss' if stage == 'TLS' else 'ws'}://{peer.address}/v3/ws"
        outcome = Transport(ServiceSettings(url=url), "t", NeverOpened(), SHORT).run()
    assert outcome == Outcome(Stage.HANDSHAKE, cause=Cause.TIMEOUT)


@pytest.mark.parametrize("stage", ["nothing", "status line", "headers"])
def test_a_proxy_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    with DrippingPeer(STAGES[stage]) as peer:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{peer.address}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert token_at("https://service.invalid/token").cause is Cause.TIMEOUT
        settings = ServiceSettings(url="wss://service.invalid/v3/ws")
        outcome = Transport(settings, "t", NeverOpened(), SHORT).run()
    assert outcome == Outcome(Stage.HANDSHAKE, cause=Cause.TIMEOUT)


def test_a_broker_whose_tls_drips_is_given_up() -> None:
    with DrippingPeer(STAGES["TLS"]) as peer:
        host, _, port = peer.address.partition(":")
        settings = MqttSettings(host=host, port=int(port), tls=True)
        with pytest.raises(BrokerError) as gone:
            BrokerConnection(settings, "", "box", connect_timeout=SHORT).open()
    assert gone.value.fault.what == AWAY.what


@pytest.mark.parametrize("where", ["token", "handshake"])
def test_a_session_that_is_abandoned_waits_for_no_peer(tmp_path: Path, where: str) -> None:
    with (
        ScriptedService() as service,
        DrippingPeer(STAGES["headers"]) as peer,
    ):
        drips = {
            "token": ServiceSettings(url=service.url, token_url=f"http://{peer.address}/token"),
            "handshake": ServiceSettings(
                url=f"ws://{peer.address}/v3/ws", token_url=service.token_url
            ),
        }
        running = RunningSession(service, tmp_path, settings=drips[where])
        running.session.start()
        wait_until(lambda: any(t.name == "time limit" for t in threading.enumerate()))
        running.session.abandon()
        ended = running.posted.wait(SessionEnded)
        running.session.join()
    assert not ended.complete


def test_a_delivery_gets_past_a_token_server_that_drips(tmp_path: Path) -> None:
    with (
        ScriptedService(numbered(SPEECH.words)) as service,
        DrippingPeer(STAGES["headers"]) as peer,
        Proxy(int(peer.address.partition(":")[2])) as proxy,
    ):
        settings = ServiceSettings(url=service.url, token_url=proxy.route(service.token_url))
        tokens = TokenSource(settings, timeout=SHORT)
        with RunningSession(service, tmp_path, settings=settings, tokens=tokens) as running:
            wait_until(lambda: len(running.posted.of(Disconnected)) >= 2)
            proxy.lead_to(int(service.token_url.split(":")[2].partition("/")[0]))
            assert running.wait_for_end()
            assert_nothing_lost(running)
        faults = {event.fault for event in running.posted.of(Disconnected)[:2]}
        assert faults == {fault_for(Outcome(Stage.TOKEN, cause=Cause.TIMEOUT))}


def test_the_fallback_takes_over_from_a_service_that_drips(tmp_path: Path) -> None:
    with (
        ScriptedService(numbered(SPEECH.words)) as fallback,
        DrippingPeer(STAGES["headers"]) as peer,
    ):
        settings = ServiceSettings(
            url=f"ws://{peer.address}/v3/ws",
            token_url=f"http://{peer.address}/token",
            fallback_url=fallback.url,
            fallback_token_url=fallback.token_url,
        )
        with RunningSession(fallback, tmp_path, settings=settings, fallback_after=0.5) as running:
            assert running.wait_for_end()
            assert_nothing_lost(running)
