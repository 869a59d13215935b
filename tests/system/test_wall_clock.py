import time

from appliance.system.wall_clock import WallClock
from tests.rig.clock import Clock


def test_a_clock_that_was_set_is_noticed_once() -> None:
    clock, wall_clock = Clock(10.0), Clock(1000.0)
    timekeeping = WallClock(clock, wall_clock, lambda: True)
    assert not timekeeping.was_set()
    wall_clock.now += 1_700_000_000.0
    assert timekeeping.was_set()
    assert not timekeeping.was_set()


def test_time_that_passes_sets_no_clock() -> None:
    clock, wall_clock = Clock(10.0), Clock(1000.0)
    timekeeping = WallClock(clock, wall_clock, lambda: True)
    clock.now += 3600.0
    wall_clock.now += 3600.9
    assert not timekeeping.was_set()


def test_the_time_of_day_is_reported_only_once_it_is_known() -> None:
    known = False
    timekeeping = WallClock(Clock(1.0), Clock(1_700_000_000.0), lambda: known)
    assert not timekeeping.time_of_day()
    known = True
    expected = time.strftime("%H:%M", time.localtime(1_700_000_000.0))
    assert timekeeping.time_of_day() == expected
