import pytest

from appliance.system.supervision import BusyTimer
from tests.rig.clock import Clock


def test_it_lasts_as_long_as_the_work_does() -> None:
    clock = Clock(5.0)
    activity = BusyTimer("display", clock)
    assert activity.lasts() == 0.0
    with activity:
        clock.now += 40.0
        assert activity.lasts() == 40.0
    clock.now += 1.0
    assert activity.lasts() == 0.0


def test_an_error_ends_it_too() -> None:
    clock = Clock(5.0)
    activity = BusyTimer("display", clock)
    with pytest.raises(ZeroDivisionError), activity:
        _ = 1 / 0
    clock.now += 1.0
    assert activity.lasts() == 0.0
