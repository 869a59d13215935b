import gpiozero
from gpiozero.pins.mock import MockFactory

from appliance.maintenance.doctor.checks import status_led
from appliance.maintenance.doctor.result import Result, fine
from appliance.settings.schema import StatusLedSettings
from tests.rig.waiting import wait_until

SETTINGS = StatusLedSettings(pin=27)


def test_it_is_switched_on_and_off_again(factory: MockFactory) -> None:
    pin = factory.pin(27)
    found = status_led.check_status_led(
        SETTINGS, pin_factory=factory, sleep=lambda _: wait_until(lambda: pin.state)
    )
    assert found == fine("GPIO 27 was switched on, and off again")
    assert not pin.state


def test_somebody_is_asked_to_look_at_it(factory: MockFactory) -> None:
    asked: list[str] = []
    status_led.check_status_led(SETTINGS, asked.append, pin_factory=factory, sleep=lambda _: None)
    assert asked == ["Look at the light: it is on."]


def test_a_pin_that_is_taken_is_reported(factory: MockFactory) -> None:
    with gpiozero.LED(27, pin_factory=factory):
        found = status_led.check_status_led(SETTINGS, pin_factory=factory, sleep=lambda _: None)
    assert found.result is Result.FAILED
    assert "27" in found.found
    assert found.remedy
