"""A login page between the box and the service: trouble of the network, not of the owner."""

from pathlib import Path

import pytest

from appliance.core.events import Disconnected
from appliance.settings.schema import ServiceSettings
from appliance.streaming.login_page import may_be_login_page
from appliance.streaming.outcomes import WANTS_SIGN_IN
from appliance.streaming.retry_policy import SIGN_IN_TIME, RetryPolicy
from tests.rig.certificates import self_signed
from tests.rig.clock import Clock
from tests.rig.dripping import DrippingPeer
from tests.rig.faults import refuse_handshake
from tests.rig.numbered import numbered
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.running_session import (
    SPEECH,
    RunningSession,
    SkippedWaits,
    assert_nothing_lost,
    settings_for,
)

PAGE = "<!DOCTYPE html><title>Welcome to the hotel</title>"


def first_faults(running: RunningSession, many: int = 3) -> set[str]:
    wait_until(lambda: len(running.posted.of(Disconnected)) >= many)
    return {event.fault.what for event in running.posted.of(Disconnected)[:many] if event.fault}


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 511])
def test_a_page_in_place_of_a_token(tmp_path: Path, status: int) -> None:
    with ScriptedService(numbered(SPEECH.words)) as service:
        service.token_answer = (status, PAGE)
        with RunningSession(service, tmp_path) as running:
            assert first_faults(running) == {WANTS_SIGN_IN}
            assert running.waits[:3] == [1, 2, 4]
            service.token_answer = None
            assert running.wait_for_end()
            assert_nothing_lost(running)


ANSWERS = [
    "",
    "Welcome to the hotel",
    "[]",
    "404 page not found",
    PAGE,
    f"\ufeff \r\n{PAGE}",
    "0" * 99,
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("status", [200, 302, 307, 400, 401, 402, 403, 404, 410, 511])
@pytest.mark.parametrize("kind", ["", "text/plain", "text/html", "application/octet-stream"])
def test_without_tls_what_is_no_json_may_be_a_page(answer: str, status: int, kind: str) -> None:
    for scheme, maybe in (("http", True), ("ws", True), ("https", False), ("wss", False)):
        url = f"{scheme}://box.lan/"
        assert may_be_login_page(url, status, kind, answer.encode()) is maybe


@pytest.mark.parametrize(
    ("status", "answer", "maybe"),
    [
        (200, "{}", False),
        (403, '{"state": "captive"}', True),
        (302, '{"detail": "Moved"}', True),
        (511, '{"detail": "Sign in"}', True),
        (404, '{"detail": "Not Found"}', False),
        (400, "{}", False),
        (407, PAGE, False),
        (429, "slow down", False),
        (500, PAGE, False),
        (502, "Bad Gateway", False),
    ],
)
def test_a_service_is_known_by_its_json(status: int, answer: str, *, maybe: bool) -> None:
    assert may_be_login_page("http://box.lan/token", status, "", answer.encode()) is maybe


def test_a_page_is_one_whatever_it_says_to_be() -> None:
    assert may_be_login_page("http://box.lan/token", 200, "application/json", PAGE.encode())


@pytest.mark.parametrize("answer", ["", "Welcome to the hotel"])
@pytest.mark.parametrize("status", [200, 302, 403, 511])
def test_a_page_stays_a_page_however_long_it_stays(
    tmp_path: Path, status: int, answer: str
) -> None:
    with ScriptedService(numbered(SPEECH.words)) as service:
        service.token_answer = (status, answer)
        policy = SkippedWaits()
        with RunningSession(service, tmp_path, retry_policy=policy) as running:
            wait_until(lambda: sum(running.waits[:-1]) > 2 * SIGN_IN_TIME)
            assert first_faults(running, many=len(running.waits) - 1) == {WANTS_SIGN_IN}
            assert max(running.waits) <= 5
            service.token_answer = None
            assert running.wait_for_end()
            assert_nothing_lost(running)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_a_handshake_may_be_refused_without_a_word(status: int) -> None:
    assert not may_be_login_page("ws://box.lan/", status, "", b"", gives_reasons=False)
    assert may_be_login_page("ws://box.lan/", status, "", None, gives_reasons=False)
    assert may_be_login_page("ws://box.lan/", 511, "", b"", gives_reasons=False)


@pytest.mark.parametrize("answer", ["Welcome to the hotel", PAGE])
@pytest.mark.parametrize("status", [200, 302, 307, 403, 511])
def test_a_page_in_place_of_a_handshake(tmp_path: Path, status: int, answer: str) -> None:
    with ScriptedService(numbered(SPEECH.words)) as service:
        for number in (1, 2, 3):
            service.on_connection(number, refuse_handshake(status, answer))
        with RunningSession(service, tmp_path) as running:
            assert running.wait_for_end()
            assert first_faults(running) == {WANTS_SIGN_IN}
            assert_nothing_lost(running)


@pytest.mark.parametrize("stage", ["token", "handshake"])
def test_a_page_without_tls_on_the_port_of_a_service(tmp_path: Path, stage: str) -> None:
    with ScriptedService() as service, DrippingPeer(b"HTTP/1.1 400 Bad Request\r\n") as page:
        url, token_url = service.url, f"https://{page.address}/token"
        if stage == "handshake":
            url, token_url = f"wss://{page.address}/v3/ws", service.token_url
        settings = ServiceSettings(url=url, token_url=token_url)
        with RunningSession(service, tmp_path, settings=settings) as running:
            assert first_faults(running) == {WANTS_SIGN_IN}


def test_a_certificate_of_somebody_else(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with ScriptedService(tls=certificate.context) as page:
        clock = Clock()
        settings = ServiceSettings(url=page.url, token_url=page.token_url)
        policy = SkippedWaits(clock)
        with RunningSession(page, tmp_path, settings=settings, retry_policy=policy) as running:
            assert first_faults(running) == {WANTS_SIGN_IN}
            assert running.waits[:5] == [1, 2, 4, 5, 5][: len(running.waits[:5])]
            clock.now += 120
            wait_until(lambda: "ca_file" in str(running.posted.of(Disconnected)[-1].fault))
            assert max(running.waits) <= 5


@pytest.mark.parametrize("status", [401, 403])
def test_what_the_service_itself_says_is_the_owners(tmp_path: Path, status: int) -> None:
    with ScriptedService() as service:
        service.token_answer = (status, {"error": "Unauthorized"})
        with RunningSession(service, tmp_path, retry_policy=RetryPolicy()) as running:
            assert first_faults(running, many=1) == {"Key refused"}
        service.token_answer = None
        service.on_connection(1, refuse_handshake(status, '{"error": "Unauthorized"}'))
        settings = settings_for(service)
        with RunningSession(
            service, tmp_path / "2", settings=settings, retry_policy=RetryPolicy()
        ) as running:
            assert first_faults(running, many=1) == {"Key refused"}
