import threading

import gpiozero
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.hardware.simulated import press
from appliance.maintenance.doctor.checks import button
from appliance.maintenance.doctor.result import Result, fine
from appliance.settings.schema import ButtonSettings

SETTINGS = ButtonSettings(pin=17)


class HeldDownPin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """A pin whose button is stronger than the pull resistor, as a real one is."""

    def _set_pull(self, value: str) -> None:
        self._pull = value
        self.drive_low()


def test_without_a_person_the_level_of_the_pin_is_reported(factory: MockFactory) -> None:
    found = button.check_button(SETTINGS, pin_factory=factory)
    assert found == fine("GPIO 17 reads high: not pressed")
    pulled_down = ButtonSettings(pin=18, pull_up=False)
    found = button.check_button(pulled_down, pin_factory=factory)
    assert found == fine("GPIO 18 reads low: not pressed")


def test_a_button_that_is_down_is_stuck() -> None:
    found = button.check_button(SETTINGS, pin_factory=MockFactory(pin_class=HeldDownPin))
    assert found.result is Result.FAILED
    assert found.found == "Button is stuck (GPIO 17 reads low)"
    assert found.remedy == "let go, or check it"


def test_a_person_is_asked_to_press(factory: MockFactory) -> None:
    asked: list[str] = []
    finger = threading.Thread(target=press, args=(factory.pin(17),))

    def ask(sentence: str) -> None:
        asked.append(sentence)
        finger.start()

    found = button.check_button(SETTINGS, ask, pin_factory=factory, press_timeout=20)
    finger.join()
    assert found == fine("GPIO 17: the press was noticed")
    assert asked == ["Press the button now: you have 20 seconds."]


def test_a_press_that_does_not_come_has_failed(factory: MockFactory) -> None:
    found = button.check_button(SETTINGS, lambda _: None, pin_factory=factory, press_timeout=0.05)
    assert found.result is Result.FAILED
    assert "no press" in found.found
    assert "wires" in found.remedy


def test_a_pin_that_is_taken_is_reported_in_the_words_of_the_appliance(
    factory: MockFactory,
) -> None:
    with gpiozero.LED(17, pin_factory=factory):
        found = button.check_button(SETTINGS, pin_factory=factory)
    assert found.result is Result.FAILED
    assert found.found.startswith("Button's pin in use (GPIO 17: ")
    assert found.remedy == "end what else uses GPIO 17"


def test_the_pin_is_free_afterwards(factory: MockFactory) -> None:
    for _ in range(2):
        assert button.check_button(SETTINGS, pin_factory=factory).result is Result.FINE
