import threading
import time
from collections.abc import Iterator

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.core.events import (
    ButtonFailed,
    ButtonReady,
    ButtonStuck,
    Event,
    Held,
    Pressed,
    Released,
)
from appliance.hardware.button import Button
from appliance.hardware.simulated import press
from appliance.settings.schema import ButtonSettings
from tests.hardware.fake_pins import NoGpio
from tests.rig.clock import Clock
from tests.rig.posted import Posted

SETTINGS = ButtonSettings(pin=17, hold_time=0.5)


@pytest.fixture
def pin(factory: MockFactory) -> MockPin:
    return factory.pin(17)


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def button(factory: MockFactory, posted: Posted, clock: Clock) -> Iterator[Button]:
    button = Button(SETTINGS, posted, pin_factory=factory, clock=clock)
    button.start()
    posted.wait(ButtonReady)
    yield button
    button.end()


def test_a_press_counts_before_the_release(button: Button, pin: MockPin, posted: Posted) -> None:
    pin.drive_low()
    assert posted.events == [ButtonReady(), Pressed()]


def test_a_release_is_reported(button: Button, pin: MockPin, posted: Posted, clock: Clock) -> None:
    pin.drive_low()
    clock.now += 0.2
    pin.drive_high()
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Released()]


def test_a_bouncing_contact_is_one_press(
    button: Button, pin: MockPin, posted: Posted, clock: Clock
) -> None:
    for bounce in (0.0, 0.001, 0.004, 0.002, 0.006):
        clock.now += bounce
        pin.drive_low()
        clock.now += bounce
        pin.drive_high()
    clock.now += 0.003
    pin.drive_low()
    clock.now += 0.3
    pin.drive_high()
    for bounce in (0.001, 0.003):
        clock.now += bounce
        pin.drive_low()
        clock.now += bounce
        pin.drive_high()
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Released()]


class LatePin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """Pin whose edges are reported some seconds late, as on a busy machine."""

    late = 0.0

    def _call_when_changed(self) -> None:
        self._last_change -= self.late
        super()._call_when_changed()


def test_a_bounce_that_is_reported_late_is_no_press(posted: Posted, clock: Clock) -> None:
    factory = MockFactory(pin_class=LatePin)
    button = Button(SETTINGS, posted, pin_factory=factory, clock=clock)
    button.start()
    posted.wait(ButtonReady)
    pin = factory.pin(17)
    pin.drive_low()
    clock.now += 0.02
    pin.drive_high()
    clock.now += 0.1
    pin.late = 0.08
    pin.drive_low()
    button.end()
    assert posted.of(Pressed) == [Pressed()]


def test_the_release_of_a_finger_as_quick_as_a_bounce_is_reported(
    button: Button, pin: MockPin, posted: Posted, clock: Clock
) -> None:
    pin.drive_low()
    clock.now += 0.03
    pin.drive_high()
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Released()]


def test_presses_of_a_quick_finger_all_count(
    button: Button, pin: MockPin, posted: Posted, clock: Clock
) -> None:
    for _ in range(3):
        clock.now += 0.08
        pin.drive_low()
        clock.now += 0.08
        pin.drive_high()
    posted.wait(Released, count=3)
    assert len(posted.of(Pressed)) == 3


def test_holding_is_reported_while_the_button_is_down(
    button: Button, pin: MockPin, posted: Posted, clock: Clock
) -> None:
    pin.drive_low()
    clock.now += SETTINGS.hold_time
    posted.wait(Held)
    assert posted.events == [ButtonReady(), Pressed(), Held()]


@pytest.mark.parametrize("every", [0.03, 0.1, 0.4])
@pytest.mark.parametrize("gap", [0.0, 0.005, 0.02, 0.05, 0.06])
def test_a_hold_with_a_loose_contact_is_one_hold(
    button: Button, pin: MockPin, posted: Posted, clock: Clock, gap: float, every: float
) -> None:
    pin.drive_low()
    began_at = clock.now
    while clock.now - began_at < SETTINGS.hold_time:
        clock.now += every
        pin.drive_high()
        clock.now += gap
        pin.drive_low()
    posted.wait(Held)
    clock.now += 0.1
    pin.drive_high()
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Held(), Released()]


def test_a_contact_that_trembles_without_rest_is_one_hold(
    factory: MockFactory, pin: MockPin, posted: Posted
) -> None:
    button = Button(SETTINGS, posted, pin_factory=factory)
    button.start()
    posted.wait(ButtonReady)
    pin.drive_low()
    while not posted.of(Held):
        press(pin, 0.01)
        pin.drive_low()
        time.sleep(0.02)
    pin.drive_high()
    posted.wait(Released)
    button.end()
    assert posted.events == [ButtonReady(), Pressed(), Held(), Released()]


def test_a_button_let_go_before_the_hold_time_was_not_held(
    button: Button, pin: MockPin, posted: Posted, clock: Clock
) -> None:
    pin.drive_low()
    clock.now += SETTINGS.hold_time - 0.01
    pin.drive_high()
    clock.now += 0.02
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Released()]


class HeldDownPin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """Pin whose button is stronger than the pull resistor, as a real one is."""

    def _set_pull(self, value: str) -> None:
        self._pull = value
        self.drive_low()


def test_a_button_down_at_the_start_is_stuck_until_released(posted: Posted, clock: Clock) -> None:
    factory = MockFactory(pin_class=HeldDownPin)
    button = Button(SETTINGS, posted, pin_factory=factory, clock=clock)
    button.start()
    posted.wait(ButtonStuck)
    clock.now += 1
    factory.pin(17).drive_high()
    clock.now += 1
    factory.pin(17).drive_low()
    assert [type(event) for event in posted.events] == [ButtonReady, ButtonStuck, Released, Pressed]
    button.end()


def test_an_active_high_button_works(factory: MockFactory, posted: Posted) -> None:
    settings = ButtonSettings(pin=17, pull_up=False)
    button = Button(settings, posted, pin_factory=factory)
    button.start()
    posted.wait(ButtonReady)
    press(factory.pin(17), pull_up=False)
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Released()]
    button.end()


def test_the_pin_factory_of_gpiozero_is_respected(
    factory: MockFactory, posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    button = Button(SETTINGS, posted)
    button.start()
    posted.wait(ButtonReady)
    press(factory.pin(17))
    posted.wait(Released)
    assert posted.events == [ButtonReady(), Pressed(), Released()]
    button.end()


def test_a_pin_in_use_is_reported_once_and_taken_as_soon_as_it_is_free(
    factory: MockFactory, pin: MockPin, posted: Posted
) -> None:
    other = gpiozero.LED(17, pin_factory=factory)
    button = Button(SETTINGS, posted, pin_factory=factory, retry_interval=0.01)
    button.start()
    fault = posted.wait(ButtonFailed).fault
    assert fault.what == "Button's pin in use"
    assert "GPIO 17" in fault.remedy
    other.close()
    posted.wait(ButtonReady)
    press(pin)
    posted.wait(Released)
    assert [type(event) for event in posted.events] == [
        ButtonFailed,
        ButtonReady,
        Pressed,
        Released,
    ]
    button.end()


def test_missing_gpio_is_a_fault_for_the_person_and_no_crash(
    posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    button = Button(SETTINGS, posted, pin_factory=NoGpio())
    button.start()
    fault = posted.wait(ButtonFailed).fault
    assert (fault.what, "no GPIO here" in fault.detail) == ("No button", True)
    button.end()


def test_an_error_in_post_leaves_the_pins_alive(
    factory: MockFactory,
    pin: MockPin,
    posted: Posted,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def post(event: Event) -> None:
        posted(event)
        raise RuntimeError("the controller is gone")

    button = Button(SETTINGS, post, pin_factory=factory, clock=clock)
    button.start()
    posted.wait(ButtonReady)
    pin.drive_low()
    clock.now += 1
    pin.drive_high()
    posted.wait(Released)
    button.end()
    assert posted.events == [ButtonReady(), Pressed(), Released()]
    assert "Pressed was lost" in caplog.text


def test_ending_frees_the_pin_and_ends_the_thread(
    factory: MockFactory, pin: MockPin, posted: Posted
) -> None:
    button = Button(SETTINGS, posted, pin_factory=factory)
    button.start()
    posted.wait(ButtonReady)
    button.end()
    press(pin)
    assert posted.events == [ButtonReady()]
    gpiozero.LED(17, pin_factory=factory).close()
    assert "button" not in {thread.name for thread in threading.enumerate()}
