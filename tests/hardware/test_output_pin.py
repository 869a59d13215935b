import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.hardware.gpio import PinError
from appliance.hardware.output_pin import OutputPin
from tests.hardware.fake_pins import NoGpio, UnreliablePin
from tests.rig.clock import Clock


@pytest.fixture
def pin(factory: MockFactory) -> MockPin:
    return factory.pin(22)


@pytest.fixture
def output(factory: MockFactory) -> OutputPin:
    return OutputPin(22, pin_factory=factory)


def history(pin: MockPin) -> list[bool]:
    return [state for _, state in pin.states]


def test_a_pin_is_left_alone_until_it_is_switched(output: OutputPin, pin: MockPin) -> None:
    assert pin.function == "input"
    output.close()
    assert pin.function == "input"


def test_it_is_switched_on_and_off(output: OutputPin, pin: MockPin) -> None:
    output.switch("on")
    assert (pin.function, pin.state) == ("output", True)
    output.switch("on")
    output.switch("off")
    assert (pin.function, pin.state) == ("output", False)
    assert history(pin) == [False, True, False]


def test_the_first_toggle_is_on(output: OutputPin, pin: MockPin) -> None:
    output.switch("toggle")
    output.switch("toggle")
    output.switch("toggle")
    assert history(pin) == [False, True, False, True]


def test_closing_switches_it_off_and_frees_it(
    output: OutputPin, pin: MockPin, factory: MockFactory
) -> None:
    output.switch("on")
    output.close()
    assert (pin.function, history(pin)) == ("input", [False, True, False])
    gpiozero.LED(22, pin_factory=factory).close()


def test_after_closing_it_is_opened_again(output: OutputPin, pin: MockPin) -> None:
    output.switch("on")
    output.close()
    output.switch("toggle")
    assert pin.state


def test_a_pin_in_use_is_recognised_and_left_alone(
    output: OutputPin, pin: MockPin, factory: MockFactory
) -> None:
    with gpiozero.LED(22, initial_value=True, pin_factory=factory):
        with pytest.raises(PinError, match="GPIO 22") as refused:
            output.switch("off")
        assert refused.value.in_use
        assert pin.state
    output.switch("on")
    assert pin.state


def test_a_pin_that_can_not_be_opened_works_once_it_can() -> None:
    factory = MockFactory(pin_class=UnreliablePin)
    pin, output = factory.pin(22), OutputPin(22, pin_factory=factory)
    pin.broken = True
    for _ in range(3):
        with pytest.raises(PinError) as refused:
            output.switch("on")
        assert not refused.value.in_use
        del refused
    pin.broken = False
    output.switch("on")
    assert pin.state


def test_a_pin_that_breaks_is_released_and_works_again_once_it_can() -> None:
    factory = MockFactory(pin_class=UnreliablePin)
    pin, output = factory.pin(22), OutputPin(22, pin_factory=factory)
    output.switch("off")
    pin.broken = True
    with pytest.raises(PinError, match="no such device") as refused:
        output.switch("on")
    assert not refused.value.in_use
    assert pin.function == "input"
    pin.broken = False
    output.switch("on")
    assert pin.state


class StuckPin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """Pin that can't be switched off again once it was on."""

    def _set_state(self, value: bool) -> None:
        if self._state and not value:
            raise OSError("stuck")
        super()._set_state(value)


def test_a_pin_that_can_not_be_switched_off_is_released_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    factory = MockFactory(pin_class=StuckPin)
    pin, output = factory.pin(22), OutputPin(22, pin_factory=factory)
    output.switch("on")
    output.close()
    assert "GPIO 22: OSError: stuck" in caplog.text
    assert pin.function == "input"


def test_missing_gpio_is_an_error_with_the_reason() -> None:
    with pytest.raises(PinError, match="no GPIO here"):
        OutputPin(22, pin_factory=NoGpio()).switch("on")


def test_a_switching_that_takes_too_long_is_undone() -> None:
    clock = Clock()

    class SlowPin(MockPin):  # type: ignore[misc] # gpiozero has no types
        """Pin that takes a minute to be switched on."""

        def _set_state(self, value: bool) -> None:
            super()._set_state(value)
            clock.now += 60 * value

    factory = MockFactory(pin_class=SlowPin)
    pin, output = factory.pin(22), OutputPin(22, pin_factory=factory, timeout=5.0, clock=clock)
    with pytest.raises(PinError, match=r"hung for 60\.0 s"):
        output.switch("on")
    assert (pin.function, history(pin)) == ("input", [False, True, False])
    output.switch("off")
    assert pin.function == "output"


def test_a_relay_that_is_on_while_its_pin_is_low_is_switched_the_other_way(
    factory: MockFactory,
) -> None:
    pin, output = factory.pin(22), OutputPin(22, active_high=False, pin_factory=factory)
    output.switch("on")
    assert not pin.state
    output.switch("off")
    assert pin.state
    output.switch("toggle")
    assert not pin.state
    output.close()
