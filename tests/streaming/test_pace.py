import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streaming.pace import PACES, Pace

paces = st.sampled_from(PACES)
seconds = st.floats(min_value=0, max_value=20_000)


@given(paces, seconds, seconds)
def test_an_allowance_never_shrinks(pace: Pace, earlier: float, later: float) -> None:
    assert pace.allowance(min(earlier, later)) <= pace.allowance(max(earlier, later))


@given(paces, seconds)
def test_live_audio_is_never_held_back(pace: Pace, elapsed: float) -> None:
    assert pace.allowance(elapsed) >= elapsed


@given(paces, seconds)
def test_audio_is_never_further_ahead_than_allowed(pace: Pace, elapsed: float) -> None:
    assert pace.allowance(elapsed) <= elapsed + pace.most


@given(seconds)
def test_each_pace_is_slower_than_the_one_before(elapsed: float) -> None:
    allowances = [pace.allowance(elapsed) for pace in PACES]
    assert allowances == sorted(allowances, reverse=True)


def test_the_slowest_pace_is_real_time() -> None:
    assert PACES[-1].speed == 1.0
    assert PACES[-1].most <= 0.5


@pytest.mark.parametrize(("ahead", "factor"), [(310.0, 1.0), (2.0, 1.25)])
@given(elapsed=seconds)
def test_some_pace_suits_a_service_that_tolerates_so_much(
    ahead: float, factor: float, elapsed: float
) -> None:
    frame = 1.0  # the longest: what is allowed is checked before it is sent
    assert any(pace.allowance(elapsed) - 0.1 <= ahead + factor * elapsed for pace in PACES)
    assert PACES[0].allowance(elapsed) + frame <= 310 + elapsed


def test_a_fast_pace_is_held_back_once_it_is_as_far_ahead_as_it_may_be() -> None:
    fast = PACES[0]
    assert not fast.is_held_back(0.0)
    assert fast.is_held_back(30.0)


@given(seconds)
def test_real_time_is_no_reason_for_a_new_connection(elapsed: float) -> None:
    assert not PACES[-1].is_held_back(elapsed)
