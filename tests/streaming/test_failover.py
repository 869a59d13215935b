import itertools
import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.faults import Fault
from appliance.core.network_errors import Cause
from appliance.settings.schema import ServiceSettings
from appliance.streaming.failover import AWAY, BELIEVED_AFTER, FALLBACK_AFTER, Candidate, Failover
from appliance.streaming.outcomes import Outcome, Reaction, Stage, fault_for
from appliance.streaming.retry_policy import RetryPolicy
from tests.rig.clock import Clock

LOST = Outcome(Stage.TOKEN, cause=Cause.NETWORK)
DROPPED = Outcome(Stage.SESSION, cause=Cause.NETWORK)
NEVER_BEGAN = Outcome(Stage.SESSION, cause=Cause.NEVER_BEGAN)
FAULTY = Outcome(Stage.SESSION, 3005, "Server error")
FULL = Outcome(Stage.TOKEN, 429)
NO_KEY = Outcome(Stage.TOKEN, cause=Cause.NO_KEY)
BAD_KEY = Outcome(Stage.TOKEN, 401)
BAD_SETTING = Outcome(Stage.SESSION, 3006, "Invalid parameter")
NO_CREDIT = Outcome(Stage.SESSION, 1008, "Insufficient funds")
REFUSED = Outcome(Stage.SESSION, 1008, "Unauthorized")
TOO_FAST = Outcome(Stage.SESSION, 3007, "Audio Transmission Rate Exceeded")
EXPIRED = Outcome(Stage.SESSION, 3008, "Session expired")

SETTINGS = ServiceSettings(url="wss://primary/v3/ws", fallback_url="ws://house/v3/ws")


class Attempts:
    """A session's attempts, in a time that passes only here."""

    def __init__(self, settings: ServiceSettings = SETTINGS) -> None:
        self.clock = Clock()
        self.began = self.clock.now
        self.failover = Failover(settings, RetryPolicy(self.clock, lambda: 1.0), clock=self.clock)

    @property
    def now(self) -> float:
        return self.clock.now - self.began

    @property
    def on_fallback(self) -> bool:
        return self.failover.current.is_fallback

    def fail(self, outcome: Outcome, lasting: float = 0.0) -> None:
        """Try, fail, and wait for the next attempt."""
        self.failover.note_attempt()
        self.clock.now += lasting
        self.clock.now += self.failover.note(outcome)

    def fall_silent(self, silent_for: float) -> None:
        """Lose a useful connection, some seconds after its last sign of life."""
        self.succeed(lasting=100.0)
        self.clock.now += silent_for
        self.clock.now += self.failover.note(DROPPED, self.clock.now - silent_for)

    def shown(self, outcome: Outcome) -> Fault | None:
        """Return the fault that is shown, and go on."""
        fault = self.failover.fault(outcome)
        self.fail(outcome)
        return fault

    def succeed(self, lasting: float = 0.0) -> None:
        self.failover.note_attempt()
        self.clock.now += lasting
        self.failover.note_success()

    def fail_until_it_switches(self, outcome: Outcome, lasting: float = 0.0) -> float:
        """Fail again and again; return the seconds until the other service is tried."""
        began, here = self.now, self.on_fallback
        for _ in range(1000):
            self.fail(outcome, lasting)
            if self.on_fallback is not here:
                return self.now - began
        raise AssertionError("it never switched")


def stays(attempts: Attempts, outcome: Outcome, seconds: float = 3600.0) -> bool:
    here = attempts.on_fallback
    while attempts.now < seconds:
        attempts.fail(outcome, lasting=1.0)
        if attempts.on_fallback is not here:
            return False
    return True


def test_the_primary_is_tried_first() -> None:
    assert Attempts().failover.current.settings.url == SETTINGS.url


@pytest.mark.parametrize("outcome", [LOST, FAULTY, FULL, Outcome(Stage.TOKEN, cause=Cause.DNS)])
def test_a_service_that_is_away_is_left_after_ten_seconds(outcome: Outcome) -> None:
    attempts = Attempts()
    assert attempts.fail_until_it_switches(outcome) == pytest.approx(FALLBACK_AFTER)
    assert attempts.failover.current.settings.url == SETTINGS.fallback_url


def test_the_time_that_an_attempt_takes_counts() -> None:
    assert Attempts().fail_until_it_switches(LOST, lasting=5.0) == pytest.approx(10.25)


@pytest.mark.parametrize("outcome", [NO_KEY, BAD_KEY, BAD_SETTING, NO_CREDIT, REFUSED])
def test_what_only_the_owner_can_fix_is_no_reason_to_switch(outcome: Outcome) -> None:
    assert stays(Attempts(), outcome)


@pytest.mark.parametrize("outcome", [EXPIRED, TOO_FAST, REFUSED])
def test_a_service_that_was_reached_is_not_away(outcome: Outcome) -> None:
    attempts = Attempts()
    attempts.clock.now += attempts.failover.note(LOST)
    attempts.clock.now += FALLBACK_AFTER
    attempts.fail(outcome)
    attempts.fail(LOST)
    assert not attempts.on_fallback


def test_a_success_restarts_the_count() -> None:
    attempts = Attempts()
    for _ in range(20):
        attempts.fail(LOST, lasting=4.0)
        attempts.succeed(lasting=1.0)
    assert not attempts.on_fallback
    assert attempts.fail_until_it_switches(LOST) == pytest.approx(FALLBACK_AFTER)


def test_the_count_runs_from_the_end_of_a_useful_connection() -> None:
    attempts = Attempts()
    attempts.succeed(lasting=3000.0)
    attempts.clock.now += attempts.failover.note(LOST)
    assert not attempts.on_fallback


def test_the_time_until_a_dead_connection_is_noticed_counts() -> None:
    attempts = Attempts()
    attempts.fall_silent(8.0)
    assert not attempts.on_fallback
    assert attempts.failover.time_left == pytest.approx(1.75)
    assert attempts.fail_until_it_switches(LOST) == pytest.approx(1.75)


def test_after_ten_seconds_without_a_sign_of_life_the_other_service_is_tried_at_once() -> None:
    attempts = Attempts()
    attempts.fall_silent(12.0)
    assert attempts.on_fallback
    assert attempts.now == pytest.approx(112.0)


def test_a_service_that_keeps_dropping_useless_connections_is_left() -> None:
    assert Attempts().fail_until_it_switches(DROPPED, lasting=3.0) <= FALLBACK_AFTER + 3.5


def test_both_are_tried_in_turns_while_both_are_away() -> None:
    attempts = Attempts()
    lengths = [attempts.fail_until_it_switches(LOST) for _ in range(6)]
    assert all(FALLBACK_AFTER <= length <= FALLBACK_AFTER + 5 for length in lengths)


def test_a_fallback_that_the_owner_must_fix_is_left_at_once_and_seldom_tried() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    assert attempts.fail_until_it_switches(BAD_SETTING) == pytest.approx(0, abs=5)
    # Its first delay is 60 s with a jitter of half of it.
    assert attempts.fail_until_it_switches(LOST) >= 30 - 5


def test_after_a_switch_a_primary_that_refuses_is_left_for_a_fallback_that_may_work() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    attempts.fail_until_it_switches(LOST)
    assert attempts.fail_until_it_switches(BAD_KEY) <= 5


def test_it_stays_where_it_works() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    for _ in range(10):
        attempts.succeed(lasting=3000.0)
        attempts.fail(EXPIRED)
    assert attempts.on_fallback


def test_each_service_has_a_pace_of_its_own() -> None:
    attempts = Attempts()
    attempts.fail(TOO_FAST)
    slower = attempts.failover.current.retry_policy.pace
    attempts.fail_until_it_switches(LOST)
    assert attempts.failover.current.retry_policy.pace != slower
    assert attempts.failover.primary.retry_policy.pace == slower


def test_an_attempt_may_take_no_longer_than_the_other_service_has_to_wait() -> None:
    attempts = Attempts()
    assert attempts.failover.time_left == FALLBACK_AFTER
    attempts.failover.note_attempt()
    attempts.clock.now += 8
    attempts.failover.note(LOST)
    attempts.clock.now += 0.25
    assert attempts.failover.time_left == pytest.approx(1.75)


def test_without_a_fallback_the_primary_is_never_left() -> None:
    attempts = Attempts(ServiceSettings(url="wss://primary/v3/ws"))
    assert attempts.failover.time_left is None
    assert stays(attempts, LOST)
    assert stays(attempts, FAULTY, seconds=7200.0)


@pytest.mark.parametrize(
    ("outcome", "what", "remedy"),
    [
        (BAD_SETTING, "Fallback: setting refused", "check the settings"),
        (NO_CREDIT, "Fallback: no credit left", "top up the account"),
        (REFUSED, "Fallback: key refused", "run: appliance doctor"),
        (Outcome(Stage.TOKEN, 404), "Fallback: wrong address", "check fallback_url"),
        (Outcome(Stage.HANDSHAKE, 404), "Fallback: wrong address", "check fallback_url"),
        (
            Outcome(Stage.HANDSHAKE, cause=Cause.UNUSABLE),
            "Fallback: setting refused",
            "check fallback_url",
        ),
        (
            Outcome(Stage.HANDSHAKE, cause=Cause.CA_FILE),
            "Fallback: service not trusted",
            "check ca_file",
        ),
    ],
)
def test_a_fault_of_the_fallback_names_the_fallback(
    outcome: Outcome, what: str, remedy: str
) -> None:
    attempts = Attempts()
    assert attempts.failover.current.fault(outcome) == fault_for(outcome)
    attempts.fail_until_it_switches(LOST)
    fault = attempts.failover.current.fault(outcome)
    assert fault
    assert (fault.what, fault.remedy) == (what, remedy)
    assert fault.detail == str(outcome)


def test_the_address_of_the_fallbacks_tokens_is_named_where_there_is_one() -> None:
    attempts = Attempts(msgspec.structs.replace(SETTINGS, fallback_token_url="http://house/tokens"))
    attempts.fail_until_it_switches(LOST)
    remedies = [
        fault.remedy
        for stage in (Stage.TOKEN, Stage.HANDSHAKE)
        if (fault := attempts.failover.current.fault(Outcome(stage, 404)))
    ]
    assert remedies == ["check fallback_token_url", "check fallback_url"]


def test_a_passing_fault_has_the_same_words_for_both() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    assert attempts.failover.current.fault(LOST) == fault_for(LOST)
    assert attempts.failover.current.fault(EXPIRED) is None


def test_a_refusal_of_the_fallback_stays_shown_while_the_primary_is_away() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    refusal = attempts.shown(BAD_SETTING)
    assert refusal
    assert not attempts.on_fallback
    assert [attempts.shown(outcome) for outcome in (DROPPED, LOST, FAULTY, FULL)] == [refusal] * 4
    assert attempts.failover.fault(EXPIRED) is None
    assert attempts.failover.fault(BAD_KEY) == fault_for(BAD_KEY)


def test_a_refusal_of_the_primary_stays_shown_while_the_fallback_is_away() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    attempts.fail_until_it_switches(LOST)
    attempts.fail(NO_CREDIT)
    assert attempts.on_fallback
    assert attempts.failover.fault(LOST) == fault_for(NO_CREDIT)


def test_a_useful_connection_clears_old_refusals() -> None:
    attempts = Attempts()
    attempts.fail_until_it_switches(LOST)
    attempts.fail(BAD_SETTING)
    attempts.succeed()
    assert attempts.failover.fault(LOST) == fault_for(LOST)


def test_an_attempt_given_up_before_it_began_says_nothing_new() -> None:
    attempts = Attempts()
    assert attempts.failover.fault(NEVER_BEGAN) == fault_for(NEVER_BEGAN)
    attempts.fail(FAULTY)
    assert attempts.shown(NEVER_BEGAN) == fault_for(FAULTY)
    assert attempts.shown(NEVER_BEGAN) == fault_for(FAULTY)
    attempts.succeed()
    assert attempts.failover.fault(NEVER_BEGAN) == fault_for(NEVER_BEGAN)


def test_a_night_without_either_is_two_warnings(caplog: pytest.LogCaptureFixture) -> None:
    attempts = Attempts()
    for _ in range(50):
        attempts.fail_until_it_switches(LOST)
    shown = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert shown == ["switching to the fallback service", "switching to the primary service"]


def test_only_passing_failures_mean_away() -> None:
    assert set(Reaction) - set(AWAY) == {
        Reaction.AT_ONCE,
        Reaction.SLOWER,
        Reaction.NEW_TOKEN,
        Reaction.OWNER,
    }


anything = st.sampled_from([LOST, FAULTY, FULL, BAD_KEY, BAD_SETTING, REFUSED, TOO_FAST, EXPIRED])


@given(st.lists(anything, min_size=1, max_size=40))
def test_no_sequence_of_outcomes_hammers_either_service(outcomes: list[Outcome]) -> None:
    attempts = Attempts()
    tried: dict[bool, list[float]] = {False: [], True: []}
    for outcome in outcomes:
        tried[attempts.on_fallback].append(attempts.now)
        attempts.fail(outcome)
    for times in tried.values():
        immediate = sum(late == early for early, late in itertools.pairwise(times))
        assert immediate <= 4  # AT_ONCE, SLOWER twice, NEW_TOKEN


@given(st.lists(anything, max_size=40))
def test_whatever_happened_a_service_that_is_away_is_left(outcomes: list[Outcome]) -> None:
    attempts = Attempts()
    for outcome in outcomes:
        attempts.fail(outcome)
    # A refusal makes the other service wait for up to 600 s.
    assert attempts.fail_until_it_switches(LOST) <= 600 + 5


def test_heartbeats_are_expected_until_a_service_that_hears_sends_none() -> None:
    candidate = Candidate(ServiceSettings(), RetryPolicy())
    candidate.note_heartbeats(came=True, heard_turn=True)
    for _ in range(BELIEVED_AFTER):
        assert candidate.has_heartbeats
        candidate.note_heartbeats(came=False, heard_turn=False)
    for _ in range(BELIEVED_AFTER):
        assert candidate.has_heartbeats
        candidate.note_heartbeats(came=False, heard_turn=True)
    assert not candidate.has_heartbeats
