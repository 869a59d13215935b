from hypothesis import given
from hypothesis import strategies as st

from appliance.streaming.message_rate import BURST, RATE, USUAL_SIZE, MessageRate
from tests.rig.clock import Clock


@given(st.lists(st.floats(min_value=0, max_value=20), max_size=100))
def test_no_more_messages_are_taken_than_allowed(pauses: list[float]) -> None:
    clock = Clock(0.0)
    limit = MessageRate(rate=2.0, burst=5, clock=clock)
    taken = []
    for pause in pauses:
        clock.now += pause
        clock.now += limit.delay()
        taken.append(clock.now)
    for first, began in enumerate(taken):
        for last, ended in enumerate(taken[first:], first):
            assert last - first + 1 <= 5 + 2.0 * (ended - began) + 0.01


def test_a_long_message_counts_as_several() -> None:
    limit = MessageRate(rate=2.0, burst=3, clock=Clock(0.0))
    sizes = [0, USUAL_SIZE - 1, 2 * USUAL_SIZE, 0]
    assert [limit.delay(size) for size in sizes] == [0.0, 0.0, 0.0, 1.5]


def test_a_service_that_keeps_to_the_rate_is_never_slowed() -> None:
    clock = Clock(0.0)
    limit = MessageRate(clock=clock)
    for _ in range(10 * BURST):
        clock.now += 1 / RATE
        assert limit.delay() == 0.0
    assert [limit.delay() for _ in range(BURST - 1)] == [0.0] * (BURST - 1)
