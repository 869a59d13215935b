import threading
import time

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from appliance.hardware import gpio


@pytest.mark.parametrize(
    "error",
    [gpiozero.BadPinFactory("none"), ImportError("none"), OSError("none"), RuntimeError("none")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_pin_libraries_names_the_pin(error: Exception) -> None:
    with pytest.raises(gpio.PinError) as raised, gpio.raising_pin_errors(17):
        raise error
    assert str(raised.value) == f"GPIO 17: {type(error).__name__}: none"
    assert not raised.value.in_use


@pytest.mark.parametrize("error", [gpiozero.GPIOPinInUse("by another"), OSError("GPIO busy")])
def test_a_pin_that_something_else_has_is_recognised(error: Exception) -> None:
    with pytest.raises(gpio.PinError) as raised, gpio.raising_pin_errors(17):
        raise error
    assert raised.value.in_use


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), gpio.raising_pin_errors(17):
        raise ZeroDivisionError


def test_a_factory_that_is_given_is_used() -> None:
    given = MockFactory()
    assert gpio.factory(given) is given


def test_parts_that_ask_at_once_share_one_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly_made() -> MockFactory:
        made.append(MockFactory())
        time.sleep(0.05)
        return made[-1]

    made: list[MockFactory] = []
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setattr(gpiozero.Device, "_default_pin_factory", slowly_made)
    askers = [threading.Thread(target=gpio.factory) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(made) == 1
