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
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.tokens import TokenSource
from appliance.streaming.transport import PONG_PATIENCE, STALL, Transport, connection_url
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
from tests.streaming.sitting import hang_after

FRAME = bytes(3200)


class Call:
    """A connection on a thread of its own, until the `with` block ends; listens to itself."""

    def __init__(
        self,
        settings: ServiceSettings,
        token: str = "the-token",
        patience: float = STALL,
        pong_patience: float = PONG_PATIENCE,
    ) -> None:
        self.frames: list[str | bytes] = []
        self.is_open = threading.Event()
        self.outcome: Outcome | None = None
        self.connection = Transport(settings, token, self, patience, pong_patience=pong_patience)
        self._thread = threading.Thread(target=self._run)

    def opened(self) -> None:
        self.is_open.set()

    def received(self, frame: str | bytes) -> None:
        self.frames.append(frame)

    def _run(self) -> None:
        self.outcome = self.connection.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.abort()
        self._thread.join()

    def wait_for_end(self, within: float = 60.0) -> Outcome:
        self._thread.join(within)
        assert self.outcome is not None
        return self.outcome

    def talk_until_it_ends(self, within: float = 60.0) -> Outcome:
        """Send audio in real time, and look after the peer, as the sender does."""
        deadline = time.monotonic() + within
        while not self.connection.ended.wait(0.1):
            assert time.monotonic() < deadline
            self.connection.check()
            if not self.connection.is_congested:
                self.connection.send_audio(FRAME)
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


def call(
    service: ScriptedService, url: str | None = None, pong_patience: float = PONG_PATIENCE
) -> Call:
    """Return a call with a token that is good."""
    settings = settings_of(service, url)
    return Call(settings, TokenSource(settings).fetch(), pong_patience=pong_patience)


def test_audio_goes_out_and_messages_come_in(service: ScriptedService) -> None:
    with call(service) as it:
        assert it.is_open.wait(20)
        assert it.connection.send_audio(FRAME)
        assert it.connection.send_message(TERMINATE)
        assert it.wait_for_end() == Outcome(Stage.SESSION, 1000)
    assert it.kinds == ["Begin", "Termination"]
    assert service.connections[0].audio == FRAME
    assert service.violations == []


def test_the_address_holds_what_the_service_must_know(service: ScriptedService) -> None:
    with call(service) as it:
        assert it.is_open.wait(20)
    query = service.connections[0].query
    assert query.pop("token") == service.tokens[0].value
    assert query == {
        "speech_model": "universal-streaming-english",
        "sample_rate": "16000",
        "encoding": "pcm_s16le",
        "format_turns": "true",
        "formatted_finals": "true",
    }


def test_parameters_are_the_owners() -> None:
    parameters = {"format_turns": False, "keyterms_prompt": ["a b", "c"], "sample_rate": 8000}
    url = connection_url(ServiceSettings(parameters=parameters), "t")  # type: ignore[arg-type]
    assert "format_turns=false" in url
    assert "keyterms_prompt=a+b&keyterms_prompt=c" in url
    assert "sample_rate=16000" in url
    assert "speech_model" not in url


@pytest.mark.parametrize("code", [1008, 1011, 3005, 3006, 3007, 3008, 3009, 4029])
def test_close_codes_and_reasons_arrive(service: ScriptedService, code: int) -> None:
    service.on_connection(1, refuse(code, f"because of {code}"))
    with call(service) as it:
        assert it.wait_for_end() == Outcome(Stage.SESSION, code, f"because of {code}")


@pytest.mark.parametrize("code", [1000, 3005])
def test_a_service_that_says_goodbye_leaves_no_socket_behind(
    service: ScriptedService, code: int
) -> None:
    service.on_connection(1, refuse(code, "goodbye"))
    with call(service) as it:
        it.wait_for_end()
        opened = it.connection._opened
    assert opened is not None
    assert opened.fileno() == -1


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 503])
def test_a_handshake_refused_over_http_tells_its_status(
    service: ScriptedService, status: int
) -> None:
    service.on_connection(1, refuse_handshake(status, "no"))
    with call(service) as it:
        assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, status)
    assert not it.is_open.is_set()


def test_a_handshake_that_is_reset_is_no_network(service: ScriptedService) -> None:
    service.on_connection(1, drop_handshake())
    with call(service) as it:
        assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.NETWORK)


def test_a_port_that_refuses_is_no_network(service: ScriptedService) -> None:
    service.down_for()
    with call(service) as it:
        assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.NETWORK)


def test_a_name_that_is_unknown_is_one() -> None:
    with Call(ServiceSettings(url="ws://nowhere.invalid/v3/ws")) as it:
        assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.DNS)


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:99999/v3/ws", "ws://127.0.0.1:port/", "wss://a..b/", "ws://[bad/"]
)
def test_an_address_that_is_none_is_the_owners_to_mend(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Call(ServiceSettings(url=url)) as it:
        assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.UNUSABLE)
    assert "defect" not in caplog.text


def test_a_reset_has_no_code(service: ScriptedService) -> None:
    service.on_connection(1, drop_after(0.5))
    with call(service) as it:
        assert it.is_open.wait(20)
        assert it.talk_until_it_ends() == Outcome(Stage.SESSION, cause=Cause.NETWORK)


@pytest.mark.slow
def test_a_handshake_that_is_never_answered_ends(service: ScriptedService) -> None:
    service.on_connection(1, never_answer())
    with call(service) as it:
        outcome = it.wait_for_end(within=4 * STALL)
    assert outcome == Outcome(Stage.HANDSHAKE, cause=Cause.TIMEOUT)


@needs_vanishing
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_port_that_does_not_answer_is_given_up_in_time(
    service: ScriptedService, scheme: str
) -> None:
    with Proxy(service.port) as proxy:
        proxy.blackhole()
        assert gives_up(f"{scheme}://127.0.0.1:{proxy.port}/v3/ws")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_port_that_says_nothing_is_given_up_in_time(
    service: ScriptedService, scheme: str
) -> None:
    with Proxy(service.port) as proxy:
        proxy.pause()
        assert gives_up(f"{scheme}://127.0.0.1:{proxy.port}/v3/ws")


def gives_up(url: str) -> bool:
    """Tell whether a connection that may take 0.5 s is given up long before it usually is."""
    began = time.monotonic()
    with Call(ServiceSettings(url=url), patience=0.5) as it:
        assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.TIMEOUT)
    return time.monotonic() - began < STALL / 2


def test_who_is_in_a_hurry_to_connect_is_patient_afterwards(service: ScriptedService) -> None:
    settings = settings_of(service)
    with Call(settings, TokenSource(settings).fetch(), patience=2.0) as it:
        assert it.is_open.wait(20)
        assert it.connection._opened
        assert it.connection._opened.gettimeout() == STALL


@needs_vanishing
@pytest.mark.slow
def test_packets_that_vanish_are_noticed(service: ScriptedService) -> None:
    service.on_connection(1, vanish_after(0.5))
    with call(service) as it:
        assert it.is_open.wait(20)
        outcome = it.talk_until_it_ends()
    assert outcome.code is None
    assert outcome.stage is Stage.SESSION


@pytest.mark.slow
def test_a_peer_that_says_nothing_any_more_is_noticed(service: ScriptedService) -> None:
    service.on_connection(1, go_silent_after(0.5))
    with call(service) as it:
        assert it.is_open.wait(20)
        assert it.talk_until_it_ends().code is None


@pytest.mark.slow
def test_a_peer_whose_kernel_takes_everything_is_noticed_by_its_silence(
    service: ScriptedService,
) -> None:
    service.on_connection(1, hang_after(0))
    began = time.monotonic()
    with call(service, pong_patience=5.0) as it:
        assert it.is_open.wait(20)
        while not it.connection.ended.wait(0.1):
            assert time.monotonic() < began + 30
            it.connection.check()
            if time.monotonic() < began + 4:
                it.connection.send_audio(FRAME)  # fits in the kernel of the peer
        # Acknowledgements since the ping arrived were no sign of life.
        assert it.connection.silence > 5
        assert it.wait_for_end().code is None


@pytest.mark.slow
def test_a_peer_that_answers_pings_is_alive_though_nobody_speaks(service: ScriptedService) -> None:
    with call(service, pong_patience=4.0) as it:
        assert it.is_open.wait(20)
        began = time.monotonic()
        while time.monotonic() < began + 8:
            it.connection.check()
            assert not it.connection.ended.wait(0.1)
        assert it.connection.silence < 6


@pytest.mark.slow
@pytest.mark.parametrize("pong_patience", [PONG_PATIENCE, STALL])
def test_a_slow_uplink_is_not_taken_for_dead(
    service: ScriptedService, pong_patience: float
) -> None:
    with (
        Proxy(service.port) as proxy,
        call(service, proxy.route(service.url), pong_patience) as it,
    ):
        assert it.is_open.wait(20)
        proxy.throttle(20_000)
        began_at = time.monotonic()
        while time.monotonic() - began_at < 20:
            it.connection.check()
            if it.connection.is_congested:
                it.connection.ended.wait(0.05)
            else:
                assert it.connection.send_audio(FRAME)
        assert not it.connection.ended.is_set()
        proxy.throttle(10**9)
        assert it.connection.send_message(TERMINATE)
        assert it.wait_for_end() == Outcome(Stage.SESSION, 1000)
    assert service.connections[0].audio_seconds > 5


def test_aborting_ends_a_session(service: ScriptedService) -> None:
    with call(service) as it:
        assert it.is_open.wait(20)
        it.connection.abort()
        assert it.wait_for_end() == Outcome(Stage.SESSION, cause=Cause.NETWORK)
        assert not it.connection.send_audio(FRAME)
        it.connection.abort()


def test_aborting_ends_a_handshake_under_way(service: ScriptedService) -> None:
    service.on_connection(1, slow_handshake(2.0))
    with call(service) as it:
        service.wait_for_connection()
        it.connection.abort()
        outcome = it.wait_for_end()
    assert outcome.code is None
    assert not it.is_open.is_set()


def test_nothing_is_sent_before_the_handshake_and_after_the_end(service: ScriptedService) -> None:
    it = call(service)
    assert not it.connection.send_audio(FRAME)
    with it:
        pass
    assert not it.connection.send_message(TERMINATE)
    it.connection.check()


def test_aborting_before_the_start_ends_it_at_once(service: ScriptedService) -> None:
    it = call(service)
    it.connection.abort()
    with it:
        it.wait_for_end()
    assert not it.is_open.is_set()


def test_broken_messages_are_handed_on_and_do_no_harm(service: ScriptedService) -> None:
    junk: list[str | bytes] = ["{", b"\x00\xff", "x" * 10_000_000]
    service.on_connection(1, say_after(0.1, *junk))
    with call(service) as it:
        assert it.is_open.wait(20)
        it.connection.send_audio(FRAME)
        wait_until(lambda: len(it.frames) == 4)
        it.connection.send_message(TERMINATE)
        assert it.wait_for_end().code == 1000


def test_a_defect_in_a_callback_is_logged_and_ends_nothing(
    service: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy(Call):
        def received(self, frame: str | bytes) -> None:
            raise LookupError(f"no such word: {frame!r:.9}")

    settings = settings_of(service)
    with Clumsy(settings, TokenSource(settings).fetch()) as it:
        wait_until(lambda: "no such word" in caplog.text)
        assert it.connection.send_audio(FRAME)


def test_a_certificate_is_trusted_when_the_owner_does(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with ScriptedService(tls=certificate.context) as service:
        settings = ServiceSettings(
            url=service.url, token_url=service.token_url, ca_file=str(certificate.file)
        )
        with Call(settings, TokenSource(settings).fetch()) as it:
            assert it.is_open.wait(20)
            assert it.connection.send_audio(FRAME)
            it.connection.send_message(TERMINATE)
            assert it.wait_for_end().code == 1000
        with Call(ServiceSettings(url=service.url)) as it:
            assert it.wait_for_end() == Outcome(Stage.HANDSHAKE, cause=Cause.CERTIFICATE)


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
        with Call(settings, token) as it:
            it.is_open.wait(0.5)
            it.connection.send_audio(FRAME)
            it.connection.send_message(TERMINATE)
            outcomes.append(it.wait_for_end())
    assert len(service.tokens) == 5
    assert "… is not valid" in [outcome.text for outcome in outcomes]
    ours = [record for record in caplog.records if not record.name.startswith("websockets")]
    assert ours
    told = "".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    for issued in service.tokens:
        assert issued.value not in told + repr(outcomes)
