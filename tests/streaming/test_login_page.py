"""A login page between the box and the service: trouble of the network, not of the owner."""

from pathlib import Path

import pytest

from appliance.core.events import Disconnected
from appliance.settings.schema import ServiceSettings
from appliance.streaming.login_page import is_login_page
from appliance.streaming.outcomes import WANTS_SIGN_IN
from appliance.streaming.retry_policy import RetryPolicy
from tests.rig.certificates import self_signed
from tests.rig.clock import Clock
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


@pytest.mark.parametrize("begins", [b"<html>", b"\r\n <!DOCTYPE html>", b"\xef\xbb\xbf<html>"])
def test_a_page_of_no_named_type_is_known_by_its_first_letter(begins: bytes) -> None:
    assert is_login_page(200, "application/octet-stream", begins)


@pytest.mark.parametrize("status", [200, 302, 307, 403, 511])
def test_a_page_in_place_of_a_handshake(tmp_path: Path, status: int) -> None:
    with ScriptedService(numbered(SPEECH.words)) as service:
        for number in (1, 2, 3):
            service.on_connection(number, refuse_handshake(status, PAGE))
        with RunningSession(service, tmp_path) as running:
            assert running.wait_for_end()
            assert first_faults(running) == {WANTS_SIGN_IN}
            assert_nothing_lost(running)


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
