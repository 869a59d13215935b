from appliance.mqtt.reconnect import MANY_DROPS, MAX_DELAY, STEADY_TIME, Reconnect
from tests.rig.clock import Clock


def test_each_failure_makes_the_next_try_later() -> None:
    reconnect = Reconnect(Clock(0.0), lambda: 1.0)
    delays = []
    for _ in range(10):
        assert not reconnect.failed()
        delays.append(reconnect.delay)
    assert delays[:4] == [2.0, 4.0, 8.0, 16.0]
    assert delays[-1] == MAX_DELAY


def test_a_broker_that_is_away_for_years_is_still_tried() -> None:
    reconnect = Reconnect(Clock(0.0), lambda: 1.0)
    for _ in range(1_000_000):
        reconnect.failed()
    assert reconnect.delay == MAX_DELAY


def test_appliances_come_back_at_different_moments() -> None:
    def delay(chance: float) -> float:
        reconnect = Reconnect(Clock(0.0), lambda: chance)
        for _ in range(5):
            reconnect.failed()
        return reconnect.delay

    assert delay(0.0) == 1.0
    assert delay(0.5) == 16.5


def test_after_a_connection_that_lasted_the_next_try_comes_soon() -> None:
    clock = Clock(0.0)
    reconnect = Reconnect(clock, lambda: 1.0)
    for _ in range(5):
        reconnect.failed()
    reconnect.connected()
    clock.now += STEADY_TIME
    assert reconnect.failed()
    assert reconnect.delay == 1.0


def test_short_connections_in_a_row_are_no_accident() -> None:
    clock = Clock(0.0)
    reconnect = Reconnect(clock, lambda: 1.0)
    for _ in range(MANY_DROPS):
        assert not reconnect.keeps_dropping
        reconnect.connected()
        reconnect.failed()
    assert reconnect.keeps_dropping
    reconnect.connected()
    assert reconnect.keeps_dropping
    clock.now += STEADY_TIME
    assert not reconnect.keeps_dropping


def test_a_broker_that_went_away_does_not_drop_us() -> None:
    reconnect = Reconnect(Clock(0.0), lambda: 1.0)
    for _ in range(MANY_DROPS):
        reconnect.connected()
        reconnect.failed()
        reconnect.failed()
    assert not reconnect.keeps_dropping
