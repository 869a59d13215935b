import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.network_errors import Cause
from appliance.streaming.outcomes import TABLE, Outcome, Reaction, Stage
from appliance.streaming.retry_policy import DELAYS, PACES, SIGN_IN_TIME, Pace, RetryPolicy
from tests.rig.clock import Clock

LOST = Outcome(Stage.SESSION, cause=Cause.NETWORK)
FAULTY = Outcome(Stage.SESSION, 3005, "Server error")
EXPIRED = Outcome(Stage.SESSION, 3008, "Session expired")
TOO_FAST = Outcome(Stage.SESSION, 3007, "Audio Transmission Rate Exceeded")
REFUSED = Outcome(Stage.SESSION, 1008, "Unauthorized")
FULL = Outcome(Stage.SESSION, 1008, "Too many concurrent sessions")
NO_CREDIT = Outcome(Stage.SESSION, 1008, "Insufficient funds")


def waits(*outcomes: Outcome, chance: float = 1.0) -> list[float]:
    retry_policy = RetryPolicy(Clock(), lambda: chance)
    found = []
    for outcome in outcomes:
        retry_policy.note(outcome)
        found.append(retry_policy.wait)
    return found


def test_the_first_attempt_is_at_once() -> None:
    assert RetryPolicy(Clock()).wait == 0


def test_a_lost_connection_is_tried_again_at_growing_intervals() -> None:
    assert waits(*[LOST] * 7) == [0.25, 0.5, 1, 2, 4, 5, 5]


def test_a_faulty_service_is_given_more_time() -> None:
    assert waits(*[FAULTY] * 10) == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_attempts_are_unlimited() -> None:
    assert waits(*[LOST] * 5000)[-1] == 5


def test_delays_are_jittered() -> None:
    assert waits(LOST, LOST, chance=0.0) == [0.125, 0.25]


def test_a_delay_passes() -> None:
    clock = Clock()
    retry_policy = RetryPolicy(clock, lambda: 1.0)
    retry_policy.note(FULL)
    clock.now += 4
    assert retry_policy.wait == 6
    clock.now += 7
    assert retry_policy.wait == 0


def test_a_success_resets_the_delay() -> None:
    retry_policy = RetryPolicy(Clock(), lambda: 1.0)
    for _ in range(5):
        retry_policy.note(LOST)
    retry_policy.note_success()
    retry_policy.note(LOST)
    assert retry_policy.wait == 0.25


def test_a_rollover_is_immediate_but_only_once_without_gain() -> None:
    assert waits(EXPIRED, EXPIRED, EXPIRED) == [0, 0.25, 0.5]


def test_a_new_token_is_tried_once() -> None:
    assert waits(REFUSED, REFUSED, REFUSED) == [0, 60, 120]


LOGIN_PAGE = Outcome(Stage.TOKEN, 403, foreign=True)


def test_a_login_page_is_asked_every_few_seconds() -> None:
    assert waits(*[LOGIN_PAGE] * 6) == [1, 2, 4, 5, 5, 5]


def test_a_login_page_is_asked_every_few_seconds_for_as_long_as_it_stays() -> None:
    clock = Clock()
    policy = RetryPolicy(clock, lambda: 1.0)
    assert policy.note(LOGIN_PAGE) is Reaction.SIGN_IN
    clock.now += SIGN_IN_TIME - 1
    assert policy.note(LOGIN_PAGE) is Reaction.SIGN_IN
    clock.now += 1
    assert policy.note(LOGIN_PAGE) is Reaction.SIGN_IN
    assert policy.wait <= 5


UNTRUSTED = Outcome(Stage.TOKEN, cause=Cause.CERTIFICATE)


def test_a_certificate_that_persists_is_no_login_page() -> None:
    clock = Clock()
    policy = RetryPolicy(clock)
    policy.note(UNTRUSTED)
    first = policy.fault(UNTRUSTED)
    clock.now += SIGN_IN_TIME
    later = policy.fault(UNTRUSTED)
    policy.note_success()
    assert first
    assert later
    assert first != later
    assert policy.fault(UNTRUSTED) == first


INACTIVE = Outcome(Stage.SESSION, 3006, "Session terminated due to inactivity")
UNKNOWN = Outcome(Stage.SESSION, 4999, "a code of tomorrow")


@pytest.mark.parametrize("ends", [[INACTIVE], [UNKNOWN], [EXPIRED], [INACTIVE, EXPIRED, UNKNOWN]])
def test_what_ends_every_connection_becomes_a_fault(ends: list[Outcome]) -> None:
    policy = RetryPolicy(Clock())
    shown = []
    for outcome in itertools.islice(itertools.cycle(ends), 6):
        fault = policy.fault(outcome)
        shown.append(fault.remedy if fault else "")
        policy.note(outcome)
        policy.note_success(progress=False)  # each of them lasted for a while
    assert not any("ask the service" in remedy for remedy in shown[:2])
    assert all("ask the service" in remedy for remedy in shown[2:])


def test_what_ends_connections_now_and_then_is_no_fault() -> None:
    policy = RetryPolicy(Clock())
    for _ in range(10):
        assert policy.fault(INACTIVE) is None
        policy.note(INACTIVE)
        policy.note_success()


def test_a_full_service_is_given_time() -> None:
    assert waits(*[FULL] * 5) == [10, 20, 40, 60, 60]


def test_the_owner_is_given_time() -> None:
    assert waits(*[NO_CREDIT] * 6) == [60, 120, 240, 480, 600, 600]


def test_audio_is_sent_slower_step_by_step_and_then_without_hammering() -> None:
    retry_policy = RetryPolicy(Clock(), lambda: 1.0)
    found = []
    for _ in range(5):
        retry_policy.note(TOO_FAST)
        found.append((retry_policy.pace, retry_policy.wait))
    assert found == [(PACES[1], 0), (PACES[2], 0), (PACES[2], 0.25), (PACES[2], 0.5), (PACES[2], 1)]


def test_a_person_may_hurry_only_what_the_network_delays() -> None:
    retry_policy = RetryPolicy(Clock())
    for outcome, may_hurry in [(LOST, True), (FULL, False), (NO_CREDIT, False), (LOST, True)]:
        retry_policy.note(outcome)
        assert retry_policy.may_hurry is may_hurry


def test_every_reaction_has_its_delay() -> None:
    assert set(DELAYS) == set(Reaction)
    assert {rule.reaction for rule in TABLE} == set(Reaction)


outcomes = st.builds(
    Outcome,
    st.sampled_from(Stage),
    st.none() | st.sampled_from([401, 429, 500, 1000, 1008, 3005, 3007, 3008, 3009, 4029, 4031]),
    st.sampled_from(["", "rate", "too many", "funds"]),
    st.sampled_from(Cause),
)


@given(st.lists(outcomes, min_size=8, max_size=30))
def test_no_sequence_of_failures_leads_to_hammering(outcomes: list[Outcome]) -> None:
    immediate = sum(wait == 0 for wait in waits(*outcomes))
    assert immediate <= 4  # AT_ONCE, SLOWER twice, NEW_TOKEN


# How fast audio may be sent

paces = st.sampled_from(PACES)
seconds = st.floats(min_value=0, max_value=20_000)


@given(paces, seconds, seconds)
def test_an_allowance_never_shrinks(pace: Pace, earlier: float, later: float) -> None:
    assert pace.allowance(min(earlier, later)) <= pace.allowance(max(earlier, later))


@given(paces, seconds)
def test_live_audio_never_waits(pace: Pace, elapsed: float) -> None:
    assert pace.allowance(elapsed) >= elapsed


@given(paces, seconds)
def test_audio_is_never_further_ahead_than_allowed(pace: Pace, elapsed: float) -> None:
    assert pace.allowance(elapsed) <= elapsed + pace.max_lead


@given(seconds)
def test_each_pace_is_slower_than_the_one_before(elapsed: float) -> None:
    allowances = [pace.allowance(elapsed) for pace in PACES]
    assert allowances == sorted(allowances, reverse=True)


def test_the_slowest_pace_is_real_time() -> None:
    assert PACES[-1].speed == 1.0
    assert PACES[-1].max_lead <= 0.5


@pytest.mark.parametrize(("ahead", "factor"), [(310.0, 1.0), (2.0, 1.25)])
@given(elapsed=seconds)
def test_some_pace_suits_a_service_with_this_rate_limit(
    ahead: float, factor: float, elapsed: float
) -> None:
    frame = 1.0  # the longest: what is allowed is checked before it is sent
    assert any(pace.allowance(elapsed) - 0.1 <= ahead + factor * elapsed for pace in PACES)
    assert PACES[0].allowance(elapsed) + frame <= 310 + elapsed


def test_a_fast_pace_reaches_its_maximum_lead() -> None:
    fast = PACES[0]
    assert not fast.is_at_max_lead(0.0)
    assert fast.is_at_max_lead(30.0)


@given(seconds)
def test_real_time_is_no_reason_for_a_new_connection(elapsed: float) -> None:
    assert not PACES[-1].is_at_max_lead(elapsed)
