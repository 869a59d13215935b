import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from appliance.core.network_errors import Cause
from appliance.settings.schema import ServiceSettings
from appliance.streaming.liveness import PONG_TIMEOUT, STALL_TIMEOUT
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.tokens import TokenSource
from appliance.streaming.transport import Transport
from tests.rig.certificates import self_signed
from tests.rig.faults import (
    drop_after,
    drop_handshake,
    go_silent_after,
    never_answer,
    refuse,
    refuse_handshake,
    say_after,
    slow_handshake,
    vanish_after,
)
from tests.rig.packets import needs_vanishing
from tests.rig.proxy import Proxy
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.running_session import hang_after

FRAME = bytes(3200)


class RunningTransport:
    """A connection on a thread of its own, until the `with` block ends; its own listener."""

    def __init__(
        self,
        settings: ServiceSettings,
        token: str = "the-token",
        handshake_timeout: float = STALL_TIMEOUT,
        stall_timeout: float = STALL_TIMEOUT,
        pong_timeout: float = PONG_TIMEOUT,
    ) -> None:
        self.frames: list[str | bytes] = []
        self.is_open = threading.Event()
        self.outcome: Outcome | None = None
        self.transport = Transport(
            settings,
            token,
            self,
            handshake_timeout,
            stall_timeout=stall_timeout,
            pong_timeout=pong_timeout,
        )
        self._thread = threading.Thread(target=self._run)

    def opened(self) -> None:
        self.is_open.set()

    def received(self, frame: str | bytes) -> None:
        self.frames.append(frame)

    def _run(self) -> None:
        self.outcome = self.transport.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.abort()
        self._thread.join()

    def wait_for_end(self, within: float = 60.0) -> Outcome:
        self._thread.join(within)
        assert self.outcome is not None
        return self.outcome

    def send_until_it_ends(self, within: float = 60.0) -> Outcome:
        """Send audio in real time, and check the peer, as the sender does."""
        deadline = time.monotonic() + within
        while not self.transport.ended.wait(0.1):
            assert time.monotonic() < deadline
            self.transport.check()
            if not self.transport.is_congested:
                self.transport.send_audio(FRAME)
        return self.wait_for_end()

    @property
    def kinds(self) -> list[str]:
        return [json.loads(frame)["type"] for frame in self.frames]


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


def settings_of(service: ScriptedService, url: str | None = None) -> ServiceSettings:
    return ServiceSettings(url=url or service.url, token_url=service.token_url)


def connect(
    service: ScriptedService, url: str | None = None, pong_timeout: float = PONG_TIMEOUT
) -> RunningTransport:
    """Return a connection with a valid token."""
    settings = settings_of(service, url)
    return RunningTransport(settings, TokenSource(settings).fetch(), pong_timeout=pong_timeout)


def test_audio_goes_out_and_messages_come_in(service: ScriptedService) -> None:
    with connect(service) as running:
        assert running.is_open.wait(20)
        assert running.transport.send_audio(FRAME)
        assert running.transport.send_message(TERMINATE)
        assert running.wait_for_end() == Outcome(Stage.SESSION, 1000)
    assert running.kinds == ["Begin", "Termination"]
    assert service.connections[0].audio == FRAME
    assert service.violations == []


def test_every_handshake_names_the_version_of_the_interface(service: ScriptedService) -> None:
    with connect(service) as running:
        assert running.is_open.wait(20)
    assert service.connections[0].header("AssemblyAI-Version") == "2025-05-12"


@pytest.mark.parametrize("code", [1008, 1011, 3005, 3006, 3007, 3008, 3009, 4029])
def test_close_codes_and_reasons_arrive(service: ScriptedService, code: int) -> None:
    service.on_connection(1, refuse(code, f"because of {code}"))
    with connect(service) as running:
        assert running.wait_for_end() == Outcome(Stage.SESSION, code, f"because of {code}")


@pytest.mark.parametrize("code", [1000, 3005])
def test_a_service_that_says_goodbye_leaves_no_socket_behind(
    service: ScriptedService, code: int
) -> None:
    service.on_connection(1, refuse(code, "goodbye"))
    with connect(service) as running:
        running.wait_for_end()
        opened = running.transport._stream
    assert opened is not None
    assert opened.fileno() == -1


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 503])
def test_a_handshake_refused_over_http_has_its_status(
    service: ScriptedService, status: int
) -> None:
    service.on_connection(1, refuse_handshake(status, '{"error": "no"}'))
    with connect(service) as running:
        assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, status, "no")
    assert not running.is_open.is_set()


def test_a_handshake_that_is_reset_is_a_network_error(service: ScriptedService) -> None:
    service.on_connection(1, drop_handshake())
    with connect(service) as running:
        assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.NETWORK)


def test_a_port_that_refuses_is_a_network_error(service: ScriptedService) -> None:
    service.down_for()
    with connect(service) as running:
        assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.NETWORK)


def test_an_unknown_name_is_a_dns_error() -> None:
    with RunningTransport(ServiceSettings(url="ws://nowhere.invalid/v3/ws")) as running:
        assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.DNS)


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:99999/v3/ws", "ws://127.0.0.1:port/", "wss://a..b/", "ws://[bad/"]
)
def test_an_invalid_address_is_for_the_owner_to_fix(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RunningTransport(ServiceSettings(url=url)) as running:
        assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.UNUSABLE)
    assert "defect" not in caplog.text


def test_a_reset_has_no_code(service: ScriptedService) -> None:
    service.on_connection(1, drop_after(0.5))
    with connect(service) as running:
        assert running.is_open.wait(20)
        assert running.send_until_it_ends() == Outcome(Stage.SESSION, cause=Cause.NETWORK)


def test_a_handshake_that_is_never_answered_ends(service: ScriptedService) -> None:
    service.on_connection(1, never_answer())
    assert_given_up(service.url)


@needs_vanishing
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_port_that_does_not_answer_is_given_up(service: ScriptedService, scheme: str) -> None:
    with Proxy(service.port) as proxy:
        proxy.blackhole()
        assert_given_up(f"{scheme}://127.0.0.1:{proxy.port}/v3/ws")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_port_that_says_nothing_is_given_up(service: ScriptedService, scheme: str) -> None:
    with Proxy(service.port) as proxy:
        proxy.pause()
        assert_given_up(f"{scheme}://127.0.0.1:{proxy.port}/v3/ws")


def assert_given_up(url: str) -> None:
    """Fail unless a handshake that is not answered ends; its own limit is the only short one."""
    with RunningTransport(
        ServiceSettings(url=url), handshake_timeout=0.5, stall_timeout=600.0
    ) as running:
        assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.TIMEOUT)


def test_the_limit_of_the_handshake_ends_with_it(service: ScriptedService) -> None:
    settings = settings_of(service)
    token = TokenSource(settings).fetch()
    with RunningTransport(settings, token, handshake_timeout=2.0) as running:
        assert running.is_open.wait(20)
        assert running.transport._stream
        assert running.transport._stream.gettimeout() == STALL_TIMEOUT


@needs_vanishing
@pytest.mark.slow
def test_packets_that_vanish_are_noticed(service: ScriptedService) -> None:
    service.on_connection(1, vanish_after(0.5))
    with connect(service) as running:
        assert running.is_open.wait(20)
        outcome = running.send_until_it_ends()
    assert outcome.code is None
    assert outcome.stage is Stage.SESSION


@pytest.mark.slow
def test_a_peer_that_falls_silent_is_noticed(service: ScriptedService) -> None:
    service.on_connection(1, go_silent_after(0.5))
    with connect(service) as running:
        assert running.is_open.wait(20)
        assert running.send_until_it_ends().code is None


@pytest.mark.slow
def test_a_peer_whose_kernel_takes_everything_is_noticed_by_its_silence(
    service: ScriptedService,
) -> None:
    service.on_connection(1, hang_after(0))
    began = time.monotonic()
    with connect(service, pong_timeout=5.0) as running:
        assert running.is_open.wait(20)
        while not running.transport.ended.wait(0.1):
            assert time.monotonic() < began + 30
            running.transport.check()
            if time.monotonic() < began + 4:
                running.transport.send_audio(FRAME)  # fits in the kernel of the peer
        # Acknowledgements since the ping arrived were no sign of life.
        assert running.transport.unresponsive_for > 5
        assert running.wait_for_end().code is None


@pytest.mark.slow
def test_a_peer_that_answers_pings_is_alive_though_nobody_speaks(service: ScriptedService) -> None:
    with connect(service, pong_timeout=4.0) as running:
        assert running.is_open.wait(20)
        began = time.monotonic()
        while time.monotonic() < began + 8:
            running.transport.check()
            assert not running.transport.ended.wait(0.1)
        assert running.transport.unresponsive_for < 6


@pytest.mark.slow
@pytest.mark.parametrize("pong_timeout", [PONG_TIMEOUT, STALL_TIMEOUT])
def test_a_slow_uplink_is_not_dead(service: ScriptedService, pong_timeout: float) -> None:
    with (
        Proxy(service.port) as proxy,
        connect(service, proxy.route(service.url), pong_timeout) as running,
    ):
        assert running.is_open.wait(20)
        proxy.throttle(20_000)
        began_at = time.monotonic()
        while time.monotonic() - began_at < 20:
            running.transport.check()
            if running.transport.is_congested:
                running.transport.ended.wait(0.05)
            else:
                assert running.transport.send_audio(FRAME)
        assert not running.transport.ended.is_set()
        proxy.throttle(10**9)
        assert running.transport.send_message(TERMINATE)
        assert running.wait_for_end() == Outcome(Stage.SESSION, 1000)
    assert service.connections[0].audio_seconds > 5


def test_aborting_ends_a_session(service: ScriptedService) -> None:
    with connect(service) as running:
        assert running.is_open.wait(20)
        running.transport.abort()
        assert running.wait_for_end() == Outcome(Stage.SESSION, cause=Cause.NETWORK)
        assert not running.transport.send_audio(FRAME)
        running.transport.abort()


def test_aborting_ends_a_handshake_under_way(service: ScriptedService) -> None:
    service.on_connection(1, slow_handshake(2.0))
    with connect(service) as running:
        service.wait_for_connection()
        running.transport.abort()
        outcome = running.wait_for_end()
    assert outcome.code is None
    assert not running.is_open.is_set()


def test_nothing_is_sent_before_the_handshake_and_after_the_end(service: ScriptedService) -> None:
    running = connect(service)
    assert not running.transport.send_audio(FRAME)
    with running:
        pass
    assert not running.transport.send_message(TERMINATE)
    running.transport.check()


def test_aborting_before_the_start_ends_it_at_once(service: ScriptedService) -> None:
    running = connect(service)
    running.transport.abort()
    with running:
        running.wait_for_end()
    assert not running.is_open.is_set()


def test_broken_messages_are_passed_on_and_do_no_harm(service: ScriptedService) -> None:
    junk: list[str | bytes] = ["{", b"\x00\xff", "x" * 1_000_000]
    service.on_connection(1, say_after(0.1, *junk))
    with connect(service) as running:
        assert running.is_open.wait(20)
        running.transport.send_audio(FRAME)
        wait_until(lambda: len(running.frames) == 4)
        running.transport.send_message(TERMINATE)
        assert running.wait_for_end().code == 1000


def test_a_defect_in_a_callback_is_logged_and_ends_nothing(
    service: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy(RunningTransport):
        def received(self, frame: str | bytes) -> None:
            raise LookupError(f"no such word: {frame!r:.9}")

    settings = settings_of(service)
    with Clumsy(settings, TokenSource(settings).fetch()) as running:
        wait_until(lambda: "no such word" in caplog.text)
        assert running.transport.send_audio(FRAME)


def test_a_certificate_is_trusted_when_the_owner_does(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with ScriptedService(tls=certificate.context) as service:
        settings = ServiceSettings(
            url=service.url, token_url=service.token_url, ca_file=str(certificate.file)
        )
        with RunningTransport(settings, TokenSource(settings).fetch()) as running:
            assert running.is_open.wait(20)
            assert running.transport.send_audio(FRAME)
            running.transport.send_message(TERMINATE)
            assert running.wait_for_end().code == 1000
        with RunningTransport(ServiceSettings(url=service.url)) as running:
            assert running.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.CERTIFICATE)


def test_no_token_is_in_any_log_record_or_outcome(
    service: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    outcomes = []
    faults = [refuse_handshake(403), drop_handshake(), drop_after(0.1)]
    for number, fault in enumerate(faults, start=1):
        service.on_connection(number, fault)
    for _ in range(5):
        settings = settings_of(service)
        token = TokenSource(settings).fetch()
        if len(service.connections) == 3:
            service.on_connection(4, refuse(1008, f"{token} is not valid"))
        with RunningTransport(settings, token) as running:
            wait_until(lambda: running.is_open.is_set() or running.outcome)
            running.transport.send_audio(FRAME)
            running.transport.send_message(TERMINATE)
            outcomes.append(running.wait_for_end())
    assert len(service.tokens) == 5
    assert "… is not valid" in [outcome.text for outcome in outcomes]
    ours = [record for record in caplog.records if not record.name.startswith("websockets")]
    assert ours
    logged = "".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    for issued in service.tokens:
        assert issued.value not in logged + repr(outcomes)
