import pytest

from appliance.controller.privacy import PrivacyGuard
from appliance.core.events import (
    Event,
    ScreenFailed,
    ScreenRecovered,
    StatusLedFailed,
    StatusLedReady,
)
from appliance.core.faults import Fault
from tests.rig.clock import Clock

FAULT = Fault("gone")


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


def test_a_screen_counts_from_its_first_picture_until_it_fails(clock: Clock) -> None:
    privacy = PrivacyGuard(clock)
    assert not privacy.shown
    privacy.handle(ScreenRecovered())
    assert privacy.shown
    privacy.handle(ScreenFailed(FAULT))
    assert not privacy.shown
    privacy.handle(ScreenRecovered())
    assert privacy.shown


def test_a_status_led_counts_as_well(clock: Clock) -> None:
    privacy = PrivacyGuard(clock)
    privacy.handle(StatusLedReady())
    assert privacy.shown
    privacy.handle(StatusLedFailed(FAULT))
    assert not privacy.shown


@pytest.mark.parametrize("first", [ScreenFailed(FAULT), StatusLedFailed(FAULT)])
def test_either_is_enough(clock: Clock, first: Event) -> None:
    privacy = PrivacyGuard(clock)
    privacy.handle(ScreenRecovered())
    privacy.handle(StatusLedReady())
    privacy.handle(first)
    clock.now += 1000.0
    assert privacy.shown
    assert not privacy.dark_too_long


def test_it_has_been_dark_too_long_a_minute_after_the_last_output_failed(clock: Clock) -> None:
    privacy = PrivacyGuard(clock)
    privacy.handle(ScreenRecovered())
    privacy.handle(StatusLedReady())
    privacy.handle(ScreenFailed(FAULT))
    clock.now += 100.0
    privacy.handle(StatusLedFailed(FAULT))
    clock.now += 59.0
    assert not privacy.dark_too_long
    clock.now += 2.0
    assert privacy.dark_too_long
