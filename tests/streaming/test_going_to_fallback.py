"""Sessions that go on at the fallback, and back: no word is lost, and none is doubled."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.core.events import Connected, Disconnected
from appliance.streaming.failover import PATIENCE as PATIENCE_OF_SESSIONS
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import HUNG
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
from tests.rig.hearing import spoken
from tests.rig.numbered import Speech, numbered
from tests.rig.packets import needs_vanishing
from tests.rig.proxy import Proxy
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.sitting import (
    SPEECH,
    Sitting,
    Told,
    assert_nothing_lost,
    hang_after,
    settings_between,
)

PATIENCE = 1.5
"""Seconds: enough for a healthy service on a busy machine."""


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as service:
        yield service


@pytest.fixture
def fallback() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as fallback:
        yield fallback


Between = Callable[..., Sitting]


@pytest.fixture
def between(service: ScriptedService, fallback: ScriptedService, tmp_path: Path) -> Between:
    """Make a session between both services, as impatient as a test should be."""

    def sit(*, patience: float = PATIENCE, **options: object) -> Sitting:
        given = {"retry_policy": RetryPolicy(), **options}
        return Sitting(service, tmp_path, fallback=fallback, patience=patience, **given)  # type: ignore[arg-type]

    return sit


def later(service: ScriptedService, first: int, behaviour: Behaviour) -> None:
    """Let all connections from that number on behave like this."""
    for number in range(first, first + 100):
        service.on_connection(number, behaviour)


OUTAGES: dict[str, Callable[[ScriptedService], None]] = {
    "no token server": lambda s: s.token_down_for(),
    "nobody at the address": lambda s: s.down_for(),
    "a token server with a fault": lambda s: setattr(s, "token_answer", (503, {"error": "down"})),
    "too many of us": lambda s: setattr(s, "token_answer", (429, {"error": "too many requests"})),
    "refused handshakes": lambda s: s.on_every_connection(refuse_handshake(503)),
    "handshakes without an answer": lambda s: s.on_every_connection(never_answer()),
    "a full service": lambda s: s.on_every_connection(refuse(3009, "Too many sessions")),
    "reset amid a word": lambda s: s.on_every_connection(drop_after(0.35)),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_at_the_start_costs_no_word(
    service: ScriptedService, fallback: ScriptedService, between: Between, outage: str
) -> None:
    OUTAGES[outage](service)
    with between() as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert len(fallback.connections) == 1
    assert fallback.violations == []
    assert sitting.session.progress().on_fallback


DROPS: dict[str, Behaviour] = {
    "a reset": drop_after(5),
    "a close": drop_after(5, "close", 1011),
    "a service error": fail_after(5, 3005, "Server error"),
    "a drop while terminating": drop_on_terminate(),
}


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("error_ms", [0, 150])
def test_an_outage_in_the_middle_costs_no_word(
    service: ScriptedService,
    fallback: ScriptedService,
    between: Between,
    drop: str,
    error_ms: int,
) -> None:
    service.on_connection(1, DROPS[drop])
    later(service, 2, refuse_handshake(503))
    service.word_time_error_ms = fallback.word_time_error_ms = error_ms
    with between() as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    covered = sitting.inbox.of(Connected)[-1].covered.position
    assert bytes(fallback.connections[0].audio) == SPEECH.pcm[2 * covered :]


@pytest.mark.parametrize("seed", range(4))
def test_flapping_costs_no_word(
    service: ScriptedService, fallback: ScriptedService, between: Between, seed: int
) -> None:
    chance = random.Random(seed)
    for number, flapping in itertools.product(range(1, 40), (service, fallback)):
        flapping.on_connection(number, drop_after(chance.choice([0.35, 2.2, 3.9, 6.0])))
    with between(patience=0.3) as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    covered = [event.covered.position for event in sitting.inbox.of(Connected)]
    assert covered == sorted(covered)


def test_a_service_that_breaks_off_again_and_again_before_it_is_of_use_is_left(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    later(service, 1, drop_after(0.35))
    with between() as sitting:
        assert sitting.wait_for_end()
    assert len(service.connections) > 1
    assert len(fallback.connections) == 1
    assert_nothing_lost(sitting)
    # Once it was taken for connected; what broke off after that is not worth a flicker.
    assert len(sitting.inbox.of(Connected)) == 2


def test_when_the_fallback_goes_away_too_the_first_one_is_tried_again(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.token_down_for()
    fallback.on_connection(1, drop_after(6))
    later(fallback, 2, refuse_handshake(503))
    with between() as sitting:
        wait_until(lambda: fallback.connections)
        service.token_up()
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert service.connections[-1].close_code == 1000
    assert not sitting.session.progress().on_fallback


def test_while_both_are_away_they_are_tried_in_turns_until_one_is_back(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.token_answer = fallback.token_answer = (503, {"error": "down"})
    with between(patience=0.3) as sitting:
        wait_until(lambda: sitting.session.progress().on_fallback)
        wait_until(lambda: not sitting.session.progress().on_fallback)
        wait_until(lambda: sitting.session.progress().on_fallback)
        fallback.token_answer = None
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert service.connections == []


def test_it_stays_at_the_fallback_for_the_rest_of_the_session(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.token_down_for()
    fallback.on_connection(1, drop_after(4))
    with between(patience=3.0) as sitting:
        wait_until(lambda: fallback.connections)
        service.token_up()
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert len(fallback.connections) == 2
    assert service.connections == []


def test_a_first_service_that_answers_in_time_keeps_the_session(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.token_down_for(0.3)
    with between(patience=20.0) as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert fallback.token_requests == []
    assert not sitting.session.progress().on_fallback


def test_a_refused_key_does_not_lead_to_the_fallback(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    tokens = Told(Outcome(Stage.TOKEN, 401))
    with between(patience=0.0, tokens=tokens) as sitting:
        wait_until(lambda: sitting.inbox.of(Disconnected))
        assert not sitting.session.progress().on_fallback
    assert tokens.fetched == 1
    assert fallback.token_requests == []


def test_a_service_that_goes_silent_before_it_begins_is_given_up_in_time(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.on_every_connection(never_answer())
    began = time.monotonic()
    with between() as sitting:
        fallback.wait_for_connection()
        # It would have waited eight seconds for the handshake.
        assert time.monotonic() - began < 8
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)


@needs_vanishing
def test_a_service_whose_packets_vanish_is_given_up_in_time(
    service: ScriptedService, fallback: ScriptedService, tmp_path: Path
) -> None:
    with Proxy(service.port) as network:
        settings = settings_between(service, fallback)
        settings = msgspec.structs.replace(settings, url=network.route(service.url))
        network.blackhole()
        began = time.monotonic()
        with Sitting(
            service, tmp_path, settings=settings, patience=PATIENCE, retry_policy=RetryPolicy()
        ) as sitting:
            fallback.wait_for_connection()
            # There were tokens; it would have waited eight seconds for TCP, twice.
            assert time.monotonic() - began < 8
            assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert service.token_requests
    assert service.connections == []


@pytest.mark.parametrize("code", [1008, 3005, 3009])
def test_a_service_that_accepts_only_to_refuse_is_never_taken_for_connected(
    service: ScriptedService, fallback: ScriptedService, between: Between, code: int
) -> None:
    service.on_every_connection(refuse(code, "Too many sessions"))
    with between() as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert len(sitting.inbox.of(Connected)) == 1
    assert len(fallback.connections) == 1


SPEED = 10.0
"""How much faster time passes for a session between services that hang."""


def hurried_clock() -> float:
    return SPEED * time.monotonic()


def test_a_service_that_begins_and_hears_nothing_until_it_fails_is_left(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.ears = spoken([])
    hangs = end_session_after(3005, 16 / SPEED, "The engine hangs")
    service.on_every_connection(ignore_terminate(), hangs)
    with between(
        patience=10.0, clock=hurried_clock, retry_policy=RetryPolicy(hurried_clock)
    ) as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert len(service.connections) == 1
    assert len(fallback.connections) == 1


@pytest.mark.slow
def test_a_service_that_never_answers_terminate_is_left(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.ears = spoken([])
    service.on_every_connection(ignore_terminate())
    with between(
        patience=10.0, clock=hurried_clock, retry_policy=RetryPolicy(hurried_clock)
    ) as sitting:
        assert sitting.wait_for_end()
    assert_nothing_lost(sitting)
    assert len(service.connections) == 1
    assert len(fallback.connections) == 1


@pytest.mark.slow
def test_a_fault_after_a_long_silence_is_no_reason_to_go_elsewhere(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.on_connection(1, end_session_after(3005, (HUNG + 5) / SPEED, "Restarting"))
    silence = Speech(SPEECH.samples[:0], ())
    with between(
        patience=10.0,
        clock=hurried_clock,
        retry_policy=RetryPolicy(hurried_clock),
        said=silence,
        finished=False,
    ) as sitting:
        service.wait_for_connection(2)
        sitting.session.finish()
        assert sitting.wait_for_end()
    assert len(service.connections) == 2
    assert fallback.connections == []


def test_the_wait_for_a_token_ends_in_time(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    tokens = Told("never opened")
    service.on_every_connection(refuse_handshake(503))
    with between(tokens=tokens) as sitting:
        assert sitting.wait_for_end()
    assert all(within is not None and within <= PATIENCE for within in tokens.within)


def test_a_connection_that_began_is_not_given_up(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    with between(patience=1.0, finished=False) as sitting:
        wait_until(lambda: sitting.session.progress().sent == sitting.backlog.captured)
        opened = service.connections[0].opened_at
        assert opened
        wait_until(lambda: time.monotonic() > opened + 1.2)
        sitting.session.finish()
        assert sitting.wait_for_end()
    assert len(service.connections) == 1
    assert fallback.connections == []


def test_each_service_gets_tokens_of_its_own_alone(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.on_connection(1, drop_after(5))
    later(service, 2, refuse_handshake(503))
    with between() as sitting:
        assert sitting.wait_for_end()
    assert {token.value for token in service.tokens}.isdisjoint(
        connection.query["token"] for connection in fallback.connections
    )
    assert [token.used_by for token in fallback.tokens] == [1]
    assert fallback.connections[0].query["speech_model"] == "universal-streaming-english"


@pytest.mark.slow
def test_a_service_that_falls_silent_in_the_session_costs_no_word(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.on_connection(1, go_silent_after(5))
    later(service, 2, never_answer())
    with between() as sitting:
        assert sitting.wait_for_end(within=90)
    assert_nothing_lost(sitting)
    assert len(fallback.connections) == 1


SILENCES: dict[str, Behaviour] = {
    "its packets vanish": vanish_after(5),
    "it reads nothing more": go_silent_after(5),
    "its kernel takes everything": hang_after(5),
}


@needs_vanishing
@pytest.mark.slow
@pytest.mark.parametrize("silence", SILENCES)
def test_the_time_until_a_silence_is_noticed_is_part_of_the_patience(
    service: ScriptedService, fallback: ScriptedService, between: Between, silence: str
) -> None:
    service.on_connection(1, SILENCES[silence])
    later(service, 2, never_answer())
    with between(patience=PATIENCE_OF_SESSIONS) as sitting:
        record = fallback.wait_for_connection(within=60)
        wait_until(lambda: record.opened_at)
        assert sitting.wait_for_end(within=90)
    assert_nothing_lost(sitting)
    last_sign = service.connections[0].frames[-1].at
    # Eight to notice and ten to wait would be eighteen.
    assert (record.opened_at or 0) - last_sign < 15


@pytest.mark.slow
def test_one_connection_that_hangs_is_no_reason_to_go_elsewhere(
    service: ScriptedService, fallback: ScriptedService, between: Between
) -> None:
    service.on_connection(1, go_silent_after(5))
    with between(patience=PATIENCE_OF_SESSIONS) as sitting:
        assert sitting.wait_for_end(within=90)
    assert_nothing_lost(sitting)
    assert len(service.connections) == 2
    assert fallback.connections == []


def test_no_thread_outlives_a_session_between_two_services(
    service: ScriptedService, between: Between
) -> None:
    service.token_down_for()
    with between() as sitting:
        assert sitting.wait_for_end()
    names = [thread.name for thread in threading.enumerate()]
    assert [name for name in names if name.startswith(("session-", "sender-", "patience-"))] == []
