import pytest

from appliance.app.probation import Probation
from appliance.core.events import Connected, Event, SettingsChanged
from appliance.core.turns import Covered
from tests.rig.clock import Clock

CONNECTED = Connected("9f3a", Covered())


@pytest.mark.parametrize(
    ("events", "seconds", "passed"),
    [
        ([], 59.0, False),
        ([], 60.0, True),
        ([SettingsChanged()], 0.0, False),
        ([SettingsChanged(), CONNECTED, SettingsChanged()], 0.0, True),
    ],
)
def test_settings_have_served_after_a_minute_or_with_a_session(
    clock: Clock, events: list[Event], seconds: float, passed: bool
) -> None:
    probation = Probation(clock=clock)
    clock.now += 100.0
    assert not probation.begun
    assert not probation.passed
    probation.begin()
    for event in events:
        probation.handle(event)
    clock.now += seconds
    assert probation.begun
    assert probation.passed is passed
