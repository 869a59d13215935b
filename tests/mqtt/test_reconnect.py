from appliance.mqtt.reconnect import LONGEST_DELAY, MANY_DROPS, STEADY, Reconnect
from tests.rig.clock import Clock


def test_each_failure_makes_the_next_try_later() -> None:
    retries = Reconnect(Clock(0.0), lambda: 1.0)
    delays = []
    for _ in range(10):
        assert not retries.failed()
        delays.append(retries.delay)
    assert delays[:4] == [2.0, 4.0, 8.0, 16.0]
    assert delays[-1] == LONGEST_DELAY


def test_a_broker_that_is_away_for_years_is_still_tried() -> None:
    retries = Reconnect(Clock(0.0), lambda: 1.0)
    for _ in range(1_000_000):
        retries.failed()
    assert retries.delay == LONGEST_DELAY


def test_boxes_come_back_at_different_moments() -> None:
    def delay(chance: float) -> float:
        retries = Reconnect(Clock(0.0), lambda: chance)
        for _ in range(5):
            retries.failed()
        return retries.delay

    assert delay(0.0) == 1.0
    assert delay(0.5) == 16.5


def test_after_a_connection_that_lasted_the_next_try_comes_soon() -> None:
    clock = Clock(0.0)
    retries = Reconnect(clock, lambda: 1.0)
    for _ in range(5):
        retries.failed()
    retries.connected()
    clock.now += STEADY
    assert retries.failed()
    assert retries.delay == 1.0


def test_short_connections_in_a_row_are_no_accident() -> None:
    clock = Clock(0.0)
    retries = Reconnect(clock, lambda: 1.0)
    for _ in range(MANY_DROPS):
        assert not retries.keeps_dropping
        retries.connected()
        retries.failed()
    assert retries.keeps_dropping
    retries.connected()
    assert retries.keeps_dropping
    clock.now += STEADY
    assert not retries.keeps_dropping


def test_a_broker_that_went_away_does_not_drop_us() -> None:
    retries = Reconnect(Clock(0.0), lambda: 1.0)
    for _ in range(MANY_DROPS):
        retries.connected()
        retries.failed()
        retries.failed()
    assert not retries.keeps_dropping
