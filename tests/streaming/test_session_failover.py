"""Sessions that switch to the fallback, and back: no word is lost, and none is doubled."""

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.core.events import Connected, Disconnected
from appliance.streaming.attempt import HANG_DETECTION_TIME
from appliance.streaming.failover import FALLBACK_AFTER
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.stream import TERMINATION_TIMEOUT
from tests.rig.clock import Clock
from tests.rig.connection import Behaviour
from tests.rig.faults import (
    drop_after,
    drop_on_terminate,
    end_session_after,
    fail_after,
    go_silent_after,
    ignore_terminate,
    never_answer,
    refuse,
    refuse_handshake,
    vanish_after,
)
from tests.rig.numbered import Speech, numbered
from tests.rig.packets import needs_vanishing
from tests.rig.proxy import Proxy
from tests.rig.recognizer import spoken
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.running_session import (
    SPEECH,
    RunningSession,
    ScriptedTokens,
    SkippedWaits,
    assert_nothing_lost,
    hang_after,
    settings_for,
)

SOON = 0.5
"""Seconds to the fallback where the primary hangs, which takes real time."""

NEVER = 600.0
"""Seconds for a limit that no test waits for."""

SILENCE = Speech(SPEECH.samples[:0], ())


@pytest.fixture
def primary() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as primary:
        yield primary


@pytest.fixture
def fallback() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as fallback:
        yield fallback


Start = Callable[..., RunningSession]


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def start(
    primary: ScriptedService, fallback: ScriptedService, tmp_path: Path, clock: Clock
) -> Start:
    """Make a session between both services for which waits take no time.

    Its clock stands still while it is connected, and moves by each wait.
    """

    def running(**options: object) -> RunningSession:
        skipped = {
            "retry_policy": SkippedWaits(clock),
            "fallback_policy": SkippedWaits(clock),
            "clock": clock,
        }
        return RunningSession(primary, tmp_path, fallback=fallback, **(skipped | options))  # type: ignore[arg-type]

    return running


@pytest.fixture
def start_in_real_time(
    primary: ScriptedService, fallback: ScriptedService, tmp_path: Path
) -> Start:
    """Make a session between both services that waits as long as it says."""

    def running(*, fallback_after: float = SOON, **options: object) -> RunningSession:
        return RunningSession(
            primary,
            tmp_path,
            fallback=fallback,
            fallback_after=fallback_after,
            retry_policy=RetryPolicy(),
            **options,  # type: ignore[arg-type]
        )

    return running


def from_connection(service: ScriptedService, first: int, behaviour: Behaviour) -> None:
    """Let all connections from that number on behave like this."""
    for number in range(first, first + 100):
        service.on_connection(number, behaviour)


OUTAGES: dict[str, Callable[[ScriptedService], None]] = {
    "no token server": lambda s: s.token_down_for(),
    "nobody at the address": lambda s: s.down_for(),
    "a token server with a fault": lambda s: setattr(s, "token_answer", (503, {"error": "down"})),
    "too many of us": lambda s: setattr(s, "token_answer", (429, {"error": "too many requests"})),
    "refused handshakes": lambda s: s.on_every_connection(refuse_handshake(503)),
    "a full service": lambda s: s.on_every_connection(refuse(3009, "Too many sessions")),
    "reset amid a word": lambda s: s.on_every_connection(drop_after(0.35)),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_at_the_start_costs_no_word(
    primary: ScriptedService, fallback: ScriptedService, start: Start, outage: str
) -> None:
    OUTAGES[outage](primary)
    with start() as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert len(fallback.connections) == 1
    assert fallback.violations == []
    assert running.session.progress().on_fallback


DROPS: dict[str, Behaviour] = {
    "a reset": drop_after(5),
    "a close": drop_after(5, "close", 1011),
    "a service error": fail_after(5, 3005, "Server error"),
    "a drop while terminating": drop_on_terminate(),
}


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("error_ms", [0, 150])
def test_an_outage_in_the_middle_costs_no_word(
    primary: ScriptedService,
    fallback: ScriptedService,
    start: Start,
    drop: str,
    error_ms: int,
) -> None:
    primary.on_connection(1, DROPS[drop])
    from_connection(primary, 2, refuse_handshake(503))
    primary.word_time_error_ms = fallback.word_time_error_ms = error_ms
    with start() as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    covered = running.posted.of(Connected)[-1].covered.position
    assert bytes(fallback.connections[0].audio) == SPEECH.pcm[2 * covered :]


@pytest.mark.parametrize("seed", range(4))
def test_flapping_costs_no_word(
    primary: ScriptedService, fallback: ScriptedService, start: Start, seed: int
) -> None:
    chance = random.Random(seed)
    for number, flapping in itertools.product(range(1, 40), (primary, fallback)):
        flapping.on_connection(number, drop_after(chance.choice([0.35, 2.2, 3.9, 6.0])))
    with start() as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    covered = [event.covered.position for event in running.posted.of(Connected)]
    assert covered == sorted(covered)


def test_a_service_that_drops_every_connection_early_is_left(
    primary: ScriptedService, fallback: ScriptedService, start: Start
) -> None:
    from_connection(primary, 1, drop_after(0.35))
    with start() as running:
        assert running.wait_for_end()
    assert len(primary.connections) > 1
    assert len(fallback.connections) == 1
    assert_nothing_lost(running)
    # The first drop was a surprise; after that, a short connection is not worth a flicker.
    assert len(running.posted.of(Connected)) == 2


def test_when_the_fallback_goes_away_too_the_primary_is_tried_again(
    primary: ScriptedService, fallback: ScriptedService, start: Start
) -> None:
    primary.token_down_for()
    fallback.on_connection(1, drop_after(6))
    from_connection(fallback, 2, refuse_handshake(503))
    with start() as running:
        wait_until(lambda: fallback.connections)
        primary.token_up()
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert primary.connections[-1].close_code == 1000
    assert not running.session.progress().on_fallback


def test_while_both_are_away_they_are_tried_in_turns_until_one_is_back(
    primary: ScriptedService, fallback: ScriptedService, start: Start
) -> None:
    primary.token_answer = fallback.token_answer = (503, {"error": "down"})
    with start() as running:
        wait_until(lambda: fallback.token_requests)
        wait_until(lambda: primary.token_requests[-1].at > fallback.token_requests[0].at)
        fallback.token_answer = None
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert primary.connections == []


def test_it_stays_at_the_fallback_for_the_rest_of_the_session(
    primary: ScriptedService, fallback: ScriptedService, start: Start
) -> None:
    primary.token_down_for()
    fallback.on_connection(1, drop_after(4))
    with start() as running:
        wait_until(lambda: fallback.connections)
        primary.token_up()
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert len(fallback.connections) == 2
    assert primary.connections == []


def test_a_primary_that_is_back_in_time_keeps_the_session(
    primary: ScriptedService, fallback: ScriptedService, start: Start
) -> None:
    primary.token_down_for()
    with start(fallback_after=NEVER) as running:
        running.posted.wait(Disconnected)
        primary.token_up()
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert fallback.token_requests == []
    assert not running.session.progress().on_fallback


def test_a_refused_key_does_not_lead_to_the_fallback(
    fallback: ScriptedService, start_in_real_time: Start
) -> None:
    tokens = ScriptedTokens(Outcome(Stage.TOKEN, 401))
    with start_in_real_time(fallback_after=0.0, tokens=tokens) as running:
        running.posted.wait(Disconnected)
        assert not running.session.progress().on_fallback
    assert tokens.fetched == 1
    assert fallback.token_requests == []


def test_a_service_that_hangs_before_it_begins_is_given_up(
    primary: ScriptedService, fallback: ScriptedService, start_in_real_time: Start
) -> None:
    primary.on_every_connection(never_answer())
    with start_in_real_time(stall_timeout=NEVER) as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert fallback.connections


@needs_vanishing
def test_a_service_whose_packets_vanish_is_given_up(
    primary: ScriptedService, fallback: ScriptedService, tmp_path: Path
) -> None:
    with Proxy(primary.port) as network:
        settings = settings_for(primary, fallback)
        settings = msgspec.structs.replace(settings, url=network.route(primary.url))
        network.blackhole()
        with RunningSession(
            primary,
            tmp_path,
            settings=settings,
            fallback_after=SOON,
            stall_timeout=NEVER,
            retry_policy=RetryPolicy(),
        ) as running:
            assert running.wait_for_end()
    assert_nothing_lost(running)
    assert primary.token_requests
    assert primary.connections == []


@pytest.mark.parametrize("code", [1008, 3005, 3009])
def test_a_service_that_accepts_only_to_refuse_is_never_connected(
    primary: ScriptedService, fallback: ScriptedService, start: Start, code: int
) -> None:
    primary.on_every_connection(refuse(code, "Too many sessions"))
    with start() as running:
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert len(running.posted.of(Connected)) == 1
    assert len(fallback.connections) == 1


def test_a_service_that_begins_and_hears_nothing_until_it_fails_is_left(
    primary: ScriptedService, fallback: ScriptedService, start: Start, clock: Clock
) -> None:
    primary.new_recognizer = spoken([])
    primary.on_every_connection(ignore_terminate())
    with start() as running:
        running.posted.wait(Connected)
        clock.now += 16
        primary.now(end_session_after(3005, 0.0, "The engine hangs"))
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert len(primary.connections) == 1
    assert len(fallback.connections) == 1


def test_a_service_that_never_answers_terminate_is_left(
    primary: ScriptedService, fallback: ScriptedService, start: Start, clock: Clock
) -> None:
    primary.new_recognizer = spoken([])
    primary.on_every_connection(ignore_terminate())
    with start() as running:
        wait_until(lambda: primary.connections and primary.connections[0].terminated_at)
        clock.now += SPEECH.seconds + TERMINATION_TIMEOUT + 1
        assert running.wait_for_end()
    assert_nothing_lost(running)
    assert len(primary.connections) == 1
    assert len(fallback.connections) == 1


def test_a_fault_after_a_long_silence_is_no_reason_to_switch(
    primary: ScriptedService, fallback: ScriptedService, start: Start, clock: Clock
) -> None:
    with start(said=SILENCE, finished=False) as running:
        running.posted.wait(Connected)
        clock.now += HANG_DETECTION_TIME + 5
        primary.now(end_session_after(3005, 0.0, "Restarting"))
        primary.wait_for_connection(2)
        running.session.finish()
        assert running.wait_for_end()
    assert len(primary.connections) == 2
    assert fallback.connections == []


def test_the_wait_for_a_token_ends_in_time(primary: ScriptedService, start: Start) -> None:
    tokens = ScriptedTokens("never opened")
    primary.on_every_connection(refuse_handshake(503))
    with start(tokens=tokens) as running:
        assert running.wait_for_end()
    assert tokens.fetched > 1
    assert all(within is not None and within <= FALLBACK_AFTER for within in tokens.within)


@pytest.mark.slow
def test_a_connection_that_began_is_not_given_up(
    primary: ScriptedService, fallback: ScriptedService, start_in_real_time: Start
) -> None:
    with start_in_real_time(fallback_after=2.0, finished=False) as running:
        running.posted.wait(Connected)
        wait_until(lambda: not threads("failover-"))
        running.session.finish()
        assert running.wait_for_end()
    assert len(primary.connections) == 1
    assert fallback.connections == []


def test_each_service_gets_tokens_of_its_own_alone(
    primary: ScriptedService, fallback: ScriptedService, start: Start
) -> None:
    primary.on_connection(1, drop_after(5))
    from_connection(primary, 2, refuse_handshake(503))
    with start() as running:
        assert running.wait_for_end()
    assert {token.value for token in primary.tokens}.isdisjoint(
        connection.query["token"] for connection in fallback.connections
    )
    assert [token.used_by for token in fallback.tokens] == [1]
    assert fallback.connections[0].query["speech_model"] == "universal-streaming-english"


@pytest.mark.slow
def test_a_service_that_falls_silent_in_the_session_costs_no_word(
    primary: ScriptedService, fallback: ScriptedService, start_in_real_time: Start
) -> None:
    primary.on_connection(1, go_silent_after(5))
    from_connection(primary, 2, never_answer())
    with start_in_real_time(fallback_after=1.5) as running:
        assert running.wait_for_end(within=90)
    assert_nothing_lost(running)
    assert len(fallback.connections) == 1


SILENCES: dict[str, Behaviour] = {
    "its packets vanish": vanish_after(5),
    "it reads nothing more": go_silent_after(5),
    "its kernel takes everything": hang_after(5),
}


@needs_vanishing
@pytest.mark.slow
@pytest.mark.parametrize("silence", SILENCES)
def test_the_time_until_a_silence_is_noticed_counts(
    primary: ScriptedService, fallback: ScriptedService, start_in_real_time: Start, silence: str
) -> None:
    primary.on_connection(1, SILENCES[silence])
    from_connection(primary, 2, never_answer())
    with start_in_real_time(fallback_after=FALLBACK_AFTER) as running:
        record = fallback.wait_for_connection(within=60)
        wait_until(lambda: record.opened_at)
        assert running.wait_for_end(within=90)
    assert_nothing_lost(running)
    last_sign = primary.connections[0].frames[-1].at
    # Eight to notice and ten to wait would be eighteen.
    assert (record.opened_at or 0) - last_sign < 15


@pytest.mark.slow
def test_one_connection_that_hangs_is_no_reason_to_switch(
    primary: ScriptedService, fallback: ScriptedService, start_in_real_time: Start
) -> None:
    primary.on_connection(1, go_silent_after(5))
    with start_in_real_time(fallback_after=FALLBACK_AFTER) as running:
        assert running.wait_for_end(within=90)
    assert_nothing_lost(running)
    assert len(primary.connections) == 2
    assert fallback.connections == []


def threads(*beginnings: str) -> list[str]:
    """Return the names of running threads that begin like this."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(beginnings)]


def test_no_thread_outlives_a_session_between_two_services(
    primary: ScriptedService, start: Start
) -> None:
    primary.token_down_for()
    with start() as running:
        assert running.wait_for_end()
    assert threads("session-", "sender-", "failover-") == []
