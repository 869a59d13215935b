import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Connected, Disconnected, SessionEnded
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Outcome, Stage, fault_for
from appliance.streaming.retry_policy import PACES, RetryPolicy
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog
from tests.rig.clock import Clock
from tests.rig.comparison import Comparison, compare
from tests.rig.faults import (
    drop_after,
    drop_on_terminate,
    end_session_after,
    fail_after,
    ignore_terminate,
    never_answer,
    rate_limit,
    refuse,
    refuse_handshake,
    say_after,
)
from tests.rig.numbered import Speech, numbered, speech
from tests.rig.posted import Posted
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, recording
from tests.streaming.running_session import (
    SPEECH,
    RunningSession,
    ScriptedTokens,
    SkippedWaits,
    assert_nothing_lost,
)

LOST = Outcome(Stage.TOKEN, cause=Cause.NETWORK)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as service:
        yield service


def test_an_undisturbed_session_hears_all_words(service: ScriptedService, tmp_path: Path) -> None:
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert service.violations == []
    assert service.connections[0].close_code == 1000
    assert running.session.progress().covered.position == running.backlog.captured
    assert running.session.progress().waiting == 0


def resets(service: ScriptedService, count: int) -> None:
    for number in range(1, count + 1):
        service.on_connection(number, drop_after(3.9))


FAULTS: dict[str, Callable[[ScriptedService], None]] = {
    "a reset": lambda s: s.on_connection(1, drop_after(5)),
    "many resets": lambda s: resets(s, 4),
    "a close by the service": lambda s: s.on_connection(1, drop_after(5, "close", 1011)),
    "a service error": lambda s: s.on_connection(1, fail_after(5, 3005, "Server error")),
    "a rollover": lambda s: s.on_connection(1, end_session_after(3008, seconds=0.3)),
    "a refused token": lambda s: s.on_connection(1, refuse(1008, "Unauthorized")),
    "a full service": lambda s: s.on_connection(1, refuse(1008, "Too many concurrent sessions")),
    "a refused handshake": lambda s: s.on_connection(1, refuse_handshake(503)),
    "a drop while terminating": lambda s: s.on_connection(1, drop_on_terminate()),
    "a close while terminating": lambda s: s.on_connection(1, drop_on_terminate("close")),
    "an unasked termination": lambda s: s.on_connection(
        1, say_after(3, '{"type":"Termination"}'), drop_after(3, "close", 1000)
    ),
    "junk": lambda s: s.on_connection(
        1, say_after(3, "{", b"\xff\x00", "[" * 100_000, '{"type":"Turn","turn_order":"x"}')
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("error_ms", [0, 150])
def test_nothing_is_lost_or_doubled_over(
    service: ScriptedService, tmp_path: Path, fault: str, error_ms: int
) -> None:
    FAULTS[fault](service)
    service.word_time_error_ms = error_ms
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert [text for text in service.violations if "Terminate came twice" in text] == []
    assert len(service.connections) == 1 or fault != "junk"


def test_each_connection_begins_where_the_last_one_is_covered(
    service: ScriptedService, tmp_path: Path
) -> None:
    for number in range(1, 4):
        service.on_connection(number, drop_after(4))
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    connected = [event.covered.position for event in running.posted.of(Connected)]
    assert connected == sorted(connected)
    # One that dropped before it was useful covered nothing, and the next may never be posted.
    positions = sorted(set(connected))
    for record in service.connections:
        while not begins_at(positions[0], bytes(record.audio)):
            positions.pop(0)
            assert positions
    assert positions == connected[-1:]


def begins_at(position: int, arrived: bytes) -> bool:
    """Return whether this audio, which may end in padding, is the speech from a position on."""
    rest = SPEECH.pcm[2 * position :]
    return rest.startswith(arrived) or arrived.startswith(rest)


def test_live_audio_is_sent_as_it_is_captured(service: ScriptedService, tmp_path: Path) -> None:
    with RunningSession(service, tmp_path, finished=False) as running:
        wait_until(lambda: running.session.progress().sent == running.backlog.captured)
        assert service.connections[0].terminated_at is None
        running.session.finish()
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert service.violations == []


# Reactions


@pytest.mark.parametrize(
    ("outcome", "waits"),
    [
        (LOST, [0.25, 0.5, 1.0]),
        (Outcome(Stage.TOKEN, 429), [10, 20, 40]),
        (Outcome(Stage.TOKEN, 401), [60, 120, 240]),
        (Outcome(Stage.TOKEN, cause=Cause.NO_KEY), [60, 120, 240]),
        (Outcome(Stage.TOKEN, cause=Cause.DNS), [0.25, 0.5, 1.0]),
    ],
)
def test_a_missing_token_is_waited_for(
    service: ScriptedService, tmp_path: Path, outcome: Outcome, waits: list[float]
) -> None:
    tokens = ScriptedTokens(outcome)
    with RunningSession(service, tmp_path, tokens=tokens) as running:
        wait_until(lambda: len(running.waits) >= 3)
    assert running.waits[:3] == waits
    assert {event.fault for event in running.posted.of(Disconnected)} == {fault_for(outcome)}
    assert service.connections == []


@pytest.mark.parametrize(
    ("code", "text", "waits"),
    [
        (3005, "Server error", [0.25, 0.5, 1]),
        (3008, "Session expired", [0, 0.25, 0.5]),
        (1008, "Unauthorized", [0, 60, 120]),
        (1008, "Too many concurrent sessions", [10, 20, 40]),
        (1008, "Insufficient funds", [60, 120, 240]),
        (3006, "Invalid parameter", [60, 120, 240]),
        (4029, "Too fast", [0, 0, 0.25]),
    ],
)
def test_a_service_that_refuses_is_not_hammered(
    service: ScriptedService, tmp_path: Path, code: int, text: str, waits: list[float]
) -> None:
    service.on_every_connection(refuse(code, text))
    with RunningSession(service, tmp_path) as running:
        wait_until(lambda: len(running.waits) >= 3)
    assert running.waits[:3] == waits
    fault = fault_for(Outcome(Stage.SESSION, code, text))
    assert {event.fault for event in running.posted.of(Disconnected)[:2]} == {fault}


def test_the_words_of_an_error_message_decide_what_is_done(
    service: ScriptedService, tmp_path: Path
) -> None:
    said = f"{'This account has reached a limit of the service. ' * 4}Too many concurrent sessions"
    service.on_connection(1, refuse(1008, said, reason="See the error message for details"))
    service.on_connection(2, refuse(1008, said, reason="See the error message for details"))
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
        assert_nothing_lost(running)
    assert running.waits == [10, 20]


def test_a_code_that_nobody_knows_becomes_a_fault_to_look_into(
    service: ScriptedService, tmp_path: Path
) -> None:
    service.on_every_connection(refuse(4999, "come back on Monday"))
    with RunningSession(service, tmp_path) as running:
        wait_until(lambda: len(running.waits) >= 4)
    faults = [str(event.fault) for event in running.posted.of(Disconnected)]
    assert all("4999 come back on Monday" in fault for fault in faults)
    assert [fault.partition(":")[0] for fault in faults[:4]] == [
        "Service fault",
        "Service fault",
        "Unknown refusal",
        "Unknown refusal",
    ]


@pytest.mark.parametrize("code", [1008, 3006])
def test_inactivity_before_each_begin_becomes_a_fault_to_look_into(
    service: ScriptedService, tmp_path: Path, code: int
) -> None:
    for number in range(1, 6):
        service.on_connection(number, refuse(code, "Session terminated due to inactivity"))
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
        assert_nothing_lost(running)
    faults = [str(event.fault) for event in running.posted.of(Disconnected)][:5]
    assert faults[:2] == ["None", "None"]
    assert all(fault.startswith("Service hangs up: ask the service: ") for fault in faults[2:])
    assert all(f"{code} Session terminated due to inactivity" in fault for fault in faults[2:])


def test_waits_are_kept(service: ScriptedService, tmp_path: Path) -> None:
    tokens = ScriptedTokens(Outcome(Stage.TOKEN, 401))
    with RunningSession(service, tmp_path, tokens=tokens, retry_policy=RetryPolicy()) as running:
        running.posted.wait(Disconnected)
        running.session.finish()  # a waiting person must not make it hammer
        assert len(running.posted.of(Disconnected)) == 1
        assert running.session.retry_policy.wait > 0
    assert tokens.fetched == 1


def test_a_delivery_keeps_the_time_of_the_next_attempt(
    service: ScriptedService, tmp_path: Path
) -> None:
    retry_policy = RetryPolicy()
    retry_policy.note(Outcome(Stage.TOKEN, 401))
    tokens = ScriptedTokens("never fetched")
    with RunningSession(service, tmp_path, tokens=tokens, retry_policy=retry_policy) as running:
        assert not running.posted.of(SessionEnded)
    assert tokens.fetched == 0
    assert not running.wait_for_end()


def test_each_connection_has_a_token_of_its_own(service: ScriptedService, tmp_path: Path) -> None:
    for number in range(1, 4):
        service.on_connection(number, drop_after(4))
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    assert [token.used_by for token in service.tokens] == [1, 2, 3, 4]
    assert service.violations == []


@pytest.mark.slow
@pytest.mark.parametrize(("ahead", "factor"), [(1.2, 1.0), (2.0, 1.25)])
def test_a_service_with_a_strict_rate_limit_gets_its_audio_slower(
    service: ScriptedService, tmp_path: Path, ahead: float, factor: float
) -> None:
    service.on_every_connection(rate_limit(ahead, factor))
    short = speech(words=6)
    retry_policy = SkippedWaits()
    with RunningSession(service, tmp_path, said=short, retry_policy=retry_policy) as running:
        assert running.wait_for_end()
    assert_nothing_lost(running, short)
    assert retry_policy.pace in PACES[1:]
    assert all(event.fault is None for event in running.posted.of(Disconnected))


# The end of a session


def test_an_abandoned_session_ends_and_keeps_what_is_left(
    service: ScriptedService, tmp_path: Path
) -> None:
    service.on_every_connection(ignore_terminate())
    with RunningSession(service, tmp_path) as running:
        wait_until(lambda: service.connections and service.connections[0].terminated_at)
        running.session.abandon()
        assert not running.wait_for_end()
    assert running.session.progress().covered.position < running.backlog.captured
    assert service.violations == []
    assert service.connections[0].messages == [{"type": "Terminate"}]


def test_a_session_can_be_abandoned_before_it_is_open(
    service: ScriptedService, tmp_path: Path
) -> None:
    service.on_connection(1, never_answer())
    with RunningSession(service, tmp_path) as running:
        service.wait_for_connection()
        running.session.abandon()
        assert not running.wait_for_end()
    assert len(service.connections) == 1


def test_a_session_can_be_abandoned_while_it_waits(
    service: ScriptedService, tmp_path: Path
) -> None:
    with RunningSession(
        service,
        tmp_path,
        tokens=ScriptedTokens(Outcome(Stage.TOKEN, 401)),
        retry_policy=RetryPolicy(),
    ) as running:
        running.posted.wait(Disconnected)
        running.session.abandon()
        assert not running.wait_for_end()


def test_a_session_without_audio_is_complete(service: ScriptedService, tmp_path: Path) -> None:
    empty = Speech(SPEECH.samples[:0], ())
    with RunningSession(service, tmp_path, said=empty) as running:
        assert running.wait_for_end()
    assert service.connections[0].audio == b""
    assert service.violations == []


def test_what_is_covered_is_not_sent_again_by_a_later_session(
    service: ScriptedService, tmp_path: Path
) -> None:
    posted = Posted()
    backlog = Backlog(tmp_path / "s1", recording(), posted)
    backlog.append(SPEECH.pcm, BEGAN)
    backlog.finish()
    covered = Covered(backlog.captured - SAMPLE_RATE, 0, 4)
    settings = ServiceSettings(url=service.url, token_url=service.token_url)
    session = Session(backlog, settings, posted, covered=covered)
    session.start()
    session.join()
    assert posted.of(Connected) == [Connected("s1", covered)]
    assert service.connections[0].audio == SPEECH.pcm[-2 * SAMPLE_RATE :]
    assert posted.of(SessionEnded) == [SessionEnded("s1", complete=True)]


def test_silence_is_measured_in_audio_since_the_last_word(
    service: ScriptedService, tmp_path: Path
) -> None:
    clock = Clock()
    with RunningSession(service, tmp_path, finished=False, clock=clock) as running:
        wait_until(lambda: compare(SPEECH.said, running.heard()) == Comparison(lost=0, doubled=0))
        clock.now += SPEECH.seconds
        pause = running.session.progress().silence
        assert 0 < pause < 2
        running.backlog.append(bytes(2 * 5 * SAMPLE_RATE), BEGAN + SPEECH.seconds)
        wait_until(lambda: running.session.progress().sent == running.backlog.captured)
        assert running.session.progress().silence == pause
        clock.now += 5
        assert running.session.progress().silence == pytest.approx(pause + 5)


def test_no_token_is_logged(
    service: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.on_connection(1, drop_after(3))
    service.on_connection(2, fail_after(3, 3005, "Server error"))
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    assert service.tokens
    for token in service.tokens:
        assert token.value not in repr(running.posted.events)
        for record in caplog.records:
            assert record.name.startswith("websockets") or token.value not in record.getMessage()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the session's warnings, without their details."""
    return [
        record.getMessage().partition(" (")[0]
        for record in caplog.records
        if record.name == Session.__module__ and record.levelno == logging.WARNING
    ]


def test_a_night_without_a_network_is_one_warning(
    service: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nameless = Outcome(Stage.TOKEN, cause=Cause.DNS)
    tokens = ScriptedTokens(LOST, LOST, nameless, LOST, nameless, LOST)
    with RunningSession(service, tmp_path, tokens=tokens) as running:
        wait_until(lambda: len(running.waits) >= 9)
    assert warnings(caplog) == ["Can't reach the service", "No network"]
    tries = [record for record in caplog.records if record.getMessage().startswith("Can't reach")]
    assert {record.levelname for record in tries[1:]} == {"DEBUG"}


def test_a_failure_after_a_success_is_a_new_warning(
    service: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Closed, not reset: a reset would lose messages on their way.
    for number in (1, 2):
        service.on_connection(number, drop_after(8, how="close", code=3005))
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    assert warnings(caplog) == ["Service fault", "Service fault"]


def test_no_thread_outlives_its_session(service: ScriptedService, tmp_path: Path) -> None:
    with RunningSession(service, tmp_path) as running:
        assert running.wait_for_end()
    names = [thread.name for thread in threading.enumerate()]
    assert [name for name in names if name.startswith(("session-", "sender-"))] == []
