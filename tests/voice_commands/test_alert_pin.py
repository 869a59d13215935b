"""Pin that pulses for an alert, on gpiozero's mock pins."""

import itertools
from functools import partial

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from appliance.core.command_events import AlertFailed, AlertHeard, CommandEnded
from appliance.settings.schema import AlertSettings
from appliance.voice_commands.actions.action import Surroundings
from appliance.voice_commands.alert_pin import AlertPin
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until

ANNA = AlertHeard("s1", "Anna", "Anna?", 12.5)


def test_each_alert_lets_the_pin_pulse_and_the_end_releases_it(posted: Posted) -> None:
    factory = MockFactory()
    settings = AlertSettings(words=("Anna",), pin=22)
    alert_pin = AlertPin(settings, posted, Surroundings("box", pin_factory=factory), 0.02)
    alert_pin.start()
    try:
        assert not factory.pins
        for count in (1, 2):
            alert_pin.handle(ANNA)
            wait_until(partial(has_pulsed, factory, count))
    finally:
        alert_pin.end()
    assert posted.events == []
    assert factory.pin(22).function == "input"


def has_pulsed(factory: MockFactory, times: int) -> bool:
    """Return whether the pin was on and then off again so many times."""
    if not factory.pins:
        return False
    states = [bool(state.state) for state in factory.pin(22).states]
    return sum(on and not later for on, later in itertools.pairwise(states)) == times


def test_a_pin_that_is_in_use_is_reported(posted: Posted) -> None:
    factory = MockFactory()
    other = gpiozero.LED(22, pin_factory=factory)
    alert_pin = AlertPin(AlertSettings(pin=22), posted, Surroundings("box", pin_factory=factory))
    alert_pin.start()
    alert_pin.handle(ANNA)
    try:
        assert posted.wait(AlertFailed) == AlertFailed("s1", "GPIO 22 is in use")
    finally:
        alert_pin.end()
        other.close()


@pytest.mark.parametrize(
    ("pin", "event"), [("none", ANNA), (22, CommandEnded("s1", "lamp", "Lamp!", 1.0))]
)
def test_nothing_happens_without_a_pin_or_an_alert(
    posted: Posted, pin: int | str, event: AlertHeard | CommandEnded
) -> None:
    factory = MockFactory()
    settings = AlertSettings(pin=pin)  # type: ignore[arg-type]
    alert_pin = AlertPin(settings, posted, Surroundings("box", pin_factory=factory))
    alert_pin.start()
    alert_pin.handle(event)
    alert_pin.end()
    assert not factory.pins
    assert posted.events == []
