import itertools
import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.events import Fault
from appliance.core.network_errors import Cause
from appliance.settings.schema import ServiceSettings
from appliance.streaming.failover import AWAY, PATIENCE, Failover
from appliance.streaming.outcomes import Outcome, Reaction, Stage, fault_for
from appliance.streaming.retry_policy import RetryPolicy
from tests.rig.clock import Clock

LOST = Outcome(Stage.TOKEN, cause=Cause.NETWORK)
BROKEN_OFF = Outcome(Stage.SESSION, cause=Cause.NETWORK)
NEVER_BEGAN = Outcome(Stage.SESSION, cause=Cause.NEVER_BEGAN)
FAULTY = Outcome(Stage.SESSION, 3005, "Server error")
CROWDED = Outcome(Stage.TOKEN, 429)
NO_KEY = Outcome(Stage.TOKEN, cause=Cause.NO_KEY)
BAD_KEY = Outcome(Stage.TOKEN, 401)
BAD_SETTING = Outcome(Stage.SESSION, 3006, "Invalid parameter")
NO_FUNDS = Outcome(Stage.SESSION, 1008, "Insufficient funds")
REFUSED = Outcome(Stage.SESSION, 1008, "Unauthorized")
TOO_FAST = Outcome(Stage.SESSION, 3007, "Audio Transmission Rate Exceeded")
EXPIRED = Outcome(Stage.SESSION, 3008, "Session expired")

SETTINGS = ServiceSettings(url="wss://first/v3/ws", fallback_url="ws://house/v3/ws")


class Trying:
    """A session's tries, in a time that only passes here."""

    def __init__(self, settings: ServiceSettings = SETTINGS) -> None:
        self.clock = Clock()
        self.began = self.clock.now
        self.services = Failover(settings, RetryPolicy(self.clock, lambda: 1.0), clock=self.clock)

    @property
    def now(self) -> float:
        return self.clock.now - self.began

    @property
    def at_the_fallback(self) -> bool:
        return self.services.current.is_fallback

    def fail(self, outcome: Outcome, lasting: float = 0.0) -> None:
        """Try, fail, and wait for the next try."""
        self.services.note_try()
        self.clock.now += lasting
        self.clock.now += self.services.note(outcome)

    def fall_silent(self, silent_for: float) -> None:
        """Lose a connection that was of use, some seconds after its last sign of life."""
        self.succeed(lasting=100.0)
        self.clock.now += silent_for
        self.clock.now += self.services.note(BROKEN_OFF, self.clock.now - silent_for)

    def told(self, outcome: Outcome) -> Fault | None:
        """Return what the person is told, and go on."""
        fault = self.services.fault(outcome)
        self.fail(outcome)
        return fault

    def succeed(self, lasting: float = 0.0) -> None:
        self.services.note_try()
        self.clock.now += lasting
        self.services.note_success()

    def fail_until_it_turns(self, outcome: Outcome, lasting: float = 0.0) -> float:
        """Fail again and again; return after how many seconds the other one is tried."""
        began, here = self.now, self.at_the_fallback
        for _ in range(1000):
            self.fail(outcome, lasting)
            if self.at_the_fallback is not here:
                return self.now - began
        raise AssertionError("it never turned")


def stays(trying: Trying, outcome: Outcome, seconds: float = 3600.0) -> bool:
    here = trying.at_the_fallback
    while trying.now < seconds:
        trying.fail(outcome, lasting=1.0)
        if trying.at_the_fallback is not here:
            return False
    return True


def test_the_first_one_is_tried_first() -> None:
    assert Trying().services.current.settings.url == SETTINGS.url


@pytest.mark.parametrize("outcome", [LOST, FAULTY, CROWDED, Outcome(Stage.TOKEN, cause=Cause.DNS)])
def test_one_that_is_away_gives_way_after_ten_seconds(outcome: Outcome) -> None:
    trying = Trying()
    assert trying.fail_until_it_turns(outcome) == pytest.approx(PATIENCE)
    assert trying.services.current.settings.url == SETTINGS.fallback_url


def test_the_seconds_that_a_try_takes_count() -> None:
    assert Trying().fail_until_it_turns(LOST, lasting=5.0) == pytest.approx(10.25)


@pytest.mark.parametrize("outcome", [NO_KEY, BAD_KEY, BAD_SETTING, NO_FUNDS, REFUSED])
def test_what_only_the_owner_can_mend_is_no_reason_to_go_elsewhere(outcome: Outcome) -> None:
    assert stays(Trying(), outcome)


@pytest.mark.parametrize("outcome", [EXPIRED, TOO_FAST, REFUSED])
def test_one_that_was_reached_is_not_away(outcome: Outcome) -> None:
    trying = Trying()
    trying.clock.now += trying.services.note(LOST)
    trying.clock.now += PATIENCE
    trying.fail(outcome)
    trying.fail(LOST)
    assert not trying.at_the_fallback


def test_a_success_begins_the_count_anew() -> None:
    trying = Trying()
    for _ in range(20):
        trying.fail(LOST, lasting=4.0)
        trying.succeed(lasting=1.0)
    assert not trying.at_the_fallback
    assert trying.fail_until_it_turns(LOST) == pytest.approx(PATIENCE)


def test_the_count_runs_from_the_end_of_a_connection_that_was_of_use() -> None:
    trying = Trying()
    trying.succeed(lasting=3000.0)
    trying.clock.now += trying.services.note(LOST)
    assert not trying.at_the_fallback


def test_the_seconds_until_the_silence_of_a_connection_is_noticed_count() -> None:
    trying = Trying()
    trying.fall_silent(8.0)
    assert not trying.at_the_fallback
    assert trying.services.left == pytest.approx(1.75)
    assert trying.fail_until_it_turns(LOST) == pytest.approx(1.75)


def test_after_a_silence_of_ten_seconds_the_other_one_is_tried_at_once() -> None:
    trying = Trying()
    trying.fall_silent(12.0)
    assert trying.at_the_fallback
    assert trying.now == pytest.approx(112.0)


def test_one_that_keeps_breaking_off_before_it_is_of_use_gives_way() -> None:
    assert Trying().fail_until_it_turns(BROKEN_OFF, lasting=3.0) <= PATIENCE + 3.5


def test_both_are_tried_in_turns_while_both_are_away() -> None:
    trying = Trying()
    lengths = [trying.fail_until_it_turns(LOST) for _ in range(6)]
    assert all(PATIENCE <= length <= PATIENCE + 5 for length in lengths)


def test_a_fallback_that_the_owner_must_mend_is_left_at_once_and_seldom_asked() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    assert trying.fail_until_it_turns(BAD_SETTING) == pytest.approx(0, abs=5)
    # Its first delay is 60 s with a jitter of half of it.
    assert trying.fail_until_it_turns(LOST) >= 30 - 5


def test_once_there_it_leaves_a_first_one_that_refuses_for_a_fallback_that_may_work() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    trying.fail_until_it_turns(LOST)
    assert trying.fail_until_it_turns(BAD_KEY) <= 5


def test_it_stays_where_it_works() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    for _ in range(10):
        trying.succeed(lasting=3000.0)
        trying.fail(EXPIRED)
    assert trying.at_the_fallback


def test_each_learns_for_itself_how_fast_audio_may_be_sent() -> None:
    trying = Trying()
    trying.fail(TOO_FAST)
    slower = trying.services.current.retry_policy.pace
    trying.fail_until_it_turns(LOST)
    assert trying.services.current.retry_policy.pace != slower
    assert trying.services.first.retry_policy.pace == slower


def test_a_try_may_take_no_longer_than_the_other_one_has_to_wait() -> None:
    trying = Trying()
    assert trying.services.left == PATIENCE
    trying.services.note_try()
    trying.clock.now += 8
    trying.services.note(LOST)
    trying.clock.now += 0.25
    assert trying.services.left == pytest.approx(1.75)


def test_without_a_fallback_there_is_nowhere_to_go() -> None:
    trying = Trying(ServiceSettings(url="wss://first/v3/ws"))
    assert trying.services.left is None
    assert stays(trying, LOST)
    assert stays(trying, FAULTY, seconds=7200.0)


@pytest.mark.parametrize(
    ("outcome", "what", "remedy"),
    [
        (BAD_SETTING, "Fallback: setting refused", "check the settings"),
        (NO_FUNDS, "Fallback: no credit left", "top up the account"),
        (REFUSED, "Fallback: key refused", "run: appliance doctor"),
        (Outcome(Stage.TOKEN, 404), "Fallback: wrong address", "check fallback_url"),
        (Outcome(Stage.HANDSHAKE, 404), "Fallback: wrong address", "check fallback_url"),
        (
            Outcome(Stage.HANDSHAKE, cause=Cause.UNUSABLE),
            "Fallback: setting refused",
            "check fallback_url",
        ),
        (
            Outcome(Stage.HANDSHAKE, cause=Cause.CERTIFICATE),
            "Fallback: service not trusted",
            "check ca_file",
        ),
    ],
)
def test_what_is_wrong_with_the_fallback_is_told_as_such(
    outcome: Outcome, what: str, remedy: str
) -> None:
    trying = Trying()
    assert trying.services.current.fault(outcome) == fault_for(outcome)
    trying.fail_until_it_turns(LOST)
    fault = trying.services.current.fault(outcome)
    assert fault
    assert (fault.what, fault.remedy) == (what, remedy)
    assert fault.detail == str(outcome)


def test_the_address_of_the_fallbacks_tokens_is_named_where_there_is_one() -> None:
    trying = Trying(msgspec.structs.replace(SETTINGS, fallback_token_url="http://house/tokens"))
    trying.fail_until_it_turns(LOST)
    remedies = [
        fault.remedy
        for stage in (Stage.TOKEN, Stage.HANDSHAKE)
        if (fault := trying.services.current.fault(Outcome(stage, 404)))
    ]
    assert remedies == ["check fallback_token_url", "check fallback_url"]


def test_what_passes_by_itself_is_told_alike_of_both() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    assert trying.services.current.fault(LOST) == fault_for(LOST)
    assert trying.services.current.fault(EXPIRED) is None


def test_what_is_wrong_with_the_fallback_stays_in_sight_while_the_first_one_is_away() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    refusal = trying.told(BAD_SETTING)
    assert refusal
    assert not trying.at_the_fallback
    assert [trying.told(outcome) for outcome in (BROKEN_OFF, LOST, FAULTY, CROWDED)] == [
        refusal
    ] * 4
    assert trying.services.fault(EXPIRED) is None
    assert trying.services.fault(BAD_KEY) == fault_for(BAD_KEY)


def test_what_is_wrong_with_the_first_one_stays_in_sight_while_the_fallback_is_away() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    trying.fail_until_it_turns(LOST)
    trying.fail(NO_FUNDS)
    assert trying.at_the_fallback
    assert trying.services.fault(LOST) == fault_for(NO_FUNDS)


def test_once_one_is_of_use_an_old_refusal_is_told_no_more() -> None:
    trying = Trying()
    trying.fail_until_it_turns(LOST)
    trying.fail(BAD_SETTING)
    trying.succeed()
    assert trying.services.fault(LOST) == fault_for(LOST)


def test_one_that_was_given_up_before_it_began_tells_nothing_new() -> None:
    trying = Trying()
    assert trying.services.fault(NEVER_BEGAN) == fault_for(NEVER_BEGAN)
    trying.fail(FAULTY)
    assert trying.told(NEVER_BEGAN) == fault_for(FAULTY)
    assert trying.told(NEVER_BEGAN) == fault_for(FAULTY)
    trying.succeed()
    assert trying.services.fault(NEVER_BEGAN) == fault_for(NEVER_BEGAN)


def test_a_night_without_either_is_no_thousand_warnings(caplog: pytest.LogCaptureFixture) -> None:
    trying = Trying()
    for _ in range(50):
        trying.fail_until_it_turns(LOST)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["going on at the fallback service", "going on at the first service"]


def test_only_what_passes_by_itself_is_away() -> None:
    assert set(Reaction) - set(AWAY) == {
        Reaction.AT_ONCE,
        Reaction.SLOWER,
        Reaction.NEW_TOKEN,
        Reaction.OWNER,
    }


anything = st.sampled_from(
    [LOST, FAULTY, CROWDED, BAD_KEY, BAD_SETTING, REFUSED, TOO_FAST, EXPIRED]
)


@given(st.lists(anything, min_size=1, max_size=40))
def test_no_row_of_outcomes_leads_to_hammering_either_one(outcomes: list[Outcome]) -> None:
    trying = Trying()
    tried: dict[bool, list[float]] = {False: [], True: []}
    for outcome in outcomes:
        tried[trying.at_the_fallback].append(trying.now)
        trying.fail(outcome)
    for times in tried.values():
        immediate = sum(late == early for early, late in itertools.pairwise(times))
        assert immediate <= 4  # at once, slower twice, and with a new token


@given(st.lists(anything, max_size=40))
def test_whatever_happened_one_that_is_away_gives_way(outcomes: list[Outcome]) -> None:
    trying = Trying()
    for outcome in outcomes:
        trying.fail(outcome)
    # The other one may have been refused for good, and is then asked seldom: at most in 600 s.
    assert trying.fail_until_it_turns(LOST) <= 600 + 5
