import pytest

from appliance.controller.privacy import PrivacyGuard
from appliance.core.events import (
    Event,
    Fault,
    LightFailed,
    LightReady,
    ScreenFailed,
    ScreenRecovered,
)
from tests.rig.clock import Clock

FAULT = Fault("gone")


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


def test_a_display_counts_from_its_first_picture_until_it_fails(clock: Clock) -> None:
    visibility = PrivacyGuard(clock)
    assert not visibility
    visibility.handle(ScreenRecovered())
    assert visibility
    visibility.handle(ScreenFailed(FAULT))
    assert not visibility
    visibility.handle(ScreenRecovered())
    assert visibility


def test_a_light_counts_as_well(clock: Clock) -> None:
    visibility = PrivacyGuard(clock)
    visibility.handle(LightReady())
    assert visibility
    visibility.handle(LightFailed(FAULT))
    assert not visibility


@pytest.mark.parametrize("first", [ScreenFailed(FAULT), LightFailed(FAULT)])
def test_either_is_enough(clock: Clock, first: Event) -> None:
    visibility = PrivacyGuard(clock)
    visibility.handle(ScreenRecovered())
    visibility.handle(LightReady())
    visibility.handle(first)
    clock.now += 1000.0
    assert visibility
    assert not visibility.lost


def test_it_is_lost_a_minute_after_the_last_went_dark(clock: Clock) -> None:
    visibility = PrivacyGuard(clock)
    visibility.handle(ScreenRecovered())
    visibility.handle(LightReady())
    visibility.handle(ScreenFailed(FAULT))
    clock.now += 100.0
    visibility.handle(LightFailed(FAULT))
    clock.now += 59.0
    assert not visibility.lost
    clock.now += 2.0
    assert visibility.lost
