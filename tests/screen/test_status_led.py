import threading
from collections.abc import Iterator

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.core.events import StatusLedFailed, StatusLedReady
from appliance.core.faults import Fault
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene
from appliance.screen.status_led import (
    FAST,
    FLICKER,
    FLUTTER,
    OFF,
    ON,
    SLOW,
    Pattern,
    StatusLed,
    pattern_of,
)
from appliance.settings.schema import StatusLedSettings
from tests.hardware.fake_pins import NoGpio, UnreliablePin
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until

SETTINGS = StatusLedSettings(pin=27)
LISTENING = Scene(Mode.LISTENING)


@pytest.fixture
def pin(factory: MockFactory) -> MockPin:
    return factory.pin(27)


@pytest.fixture
def led(factory: MockFactory, pin: MockPin, posted: Posted) -> Iterator[StatusLed]:
    led = StatusLed(SETTINGS, posted, pin_factory=factory)
    led.start()
    posted.wait(StatusLedReady)
    yield led
    led.end()


def history(pin: MockPin) -> list[bool]:
    return [state for _, state in pin.states]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.STARTING, OFF),
        (Mode.READY, OFF),
        (Mode.CONNECTING, SLOW),
        (Mode.LISTENING, ON),
        (Mode.RECONNECTING, SLOW),
        (Mode.FINISHING, SLOW),
        (Mode.SAVED, OFF),
        (Mode.STOPPING, OFF),
    ],
    ids=lambda value: value.name if isinstance(value, Mode) else "",
)
def test_each_mode_has_its_pattern(mode: Mode, expected: Pattern) -> None:
    assert pattern_of(Scene(mode)) == expected


def test_it_flutters_while_the_reader_is_called_whatever_is_wrong() -> None:
    called = Scene(Mode.LISTENING, fault=Fault("Can't save"), alert=True)
    assert pattern_of(called) == FLUTTER


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.name)
def test_a_fault_blinks_fast_in_every_mode(mode: Mode) -> None:
    pattern = pattern_of(Scene(mode, fault=Fault("No microphone")))
    assert pattern in (FAST, FLICKER)
    assert (pattern == FLICKER) == (mode in MICROPHONE_OPEN)


def test_a_fault_blinks_faster_than_a_connection() -> None:
    assert FAST.on
    assert SLOW.on
    assert FAST.on < SLOW.on


def test_it_is_off_until_something_is_shown(led: StatusLed, pin: MockPin) -> None:
    assert pin.function == "output"
    assert not pin.state


def test_it_is_on_while_listening_and_off_again_afterwards(led: StatusLed, pin: MockPin) -> None:
    led.show(LISTENING)
    wait_until(lambda: pin.state)
    led.show(Scene(Mode.SAVED))
    wait_until(lambda: not pin.state)
    assert history(pin) == [False, True, False]


def test_it_blinks_on_and_off_until_the_fault_is_gone(led: StatusLed, pin: MockPin) -> None:
    led.show(Scene(Mode.READY, fault=Fault("No microphone")))
    wait_until(lambda: len(pin.states) > 4)
    assert history(pin)[:5] == [False, True, False, True, False]
    led.show(LISTENING)
    led.show(Scene(Mode.READY))
    wait_until(lambda: not pin.state)


def test_a_scene_with_the_same_pattern_does_not_disturb_the_blinking(
    factory: MockFactory, pin: MockPin, posted: Posted
) -> None:
    def blinking(_: Scene) -> Pattern:
        return Pattern(on=0.3, off=0.3)

    led = StatusLed(SETTINGS, posted, pin_factory=factory, pattern_of=blinking)
    led.start()
    posted.wait(StatusLedReady)
    scenes = (Scene(Mode.CONNECTING, elapsed=seconds) for seconds in range(10**6))

    def shown_again() -> bool:
        led.show(next(scenes))
        return len(pin.states) > 3

    # Scenes come far faster than the LED changes: if it began again with each, it would stay on.
    wait_until(shown_again)
    led.end()


def test_ending_leaves_it_off_and_frees_the_pin(
    factory: MockFactory, pin: MockPin, posted: Posted
) -> None:
    led = StatusLed(SETTINGS, posted, pin_factory=factory)
    led.start()
    led.show(LISTENING)
    wait_until(lambda: pin.state)
    led.end()
    assert history(pin) == [False, True, False]
    gpiozero.LED(27, pin_factory=factory).close()
    assert "status-led" not in {thread.name for thread in threading.enumerate()}
    assert posted.events == [StatusLedReady()]


def test_without_a_pin_there_is_nothing_to_do(posted: Posted) -> None:
    led = StatusLed(StatusLedSettings(), posted)
    led.start()
    led.show(LISTENING)
    assert "status-led" not in {thread.name for thread in threading.enumerate()}
    led.end()
    assert not posted.events


def test_a_pin_in_use_is_reported_once_and_taken_as_soon_as_it_is_free(
    factory: MockFactory, pin: MockPin, posted: Posted
) -> None:
    other = gpiozero.Button(27, pin_factory=factory)
    led = StatusLed(SETTINGS, posted, pin_factory=factory, retry_interval=0.01)
    led.start()
    fault = posted.wait(StatusLedFailed).fault
    assert fault.what == "Light's pin in use"
    assert "GPIO 27" in fault.remedy
    led.show(LISTENING)
    other.close()
    wait_until(lambda: pin.function == "output" and pin.state)
    led.end()
    assert [type(event) for event in posted.events] == [StatusLedFailed, StatusLedReady]


def test_a_pin_that_breaks_is_reported_and_shows_again_once_it_works(posted: Posted) -> None:
    factory = MockFactory(pin_class=UnreliablePin)
    pin = factory.pin(27)
    led = StatusLed(SETTINGS, posted, pin_factory=factory, retry_interval=0.01)
    led.start()
    posted.wait(StatusLedReady)
    pin.broken = True
    led.show(LISTENING)
    fault = posted.wait(StatusLedFailed).fault
    assert (fault.what, "no such device" in fault.detail) == ("No light", True)
    pin.broken = False
    wait_until(lambda: pin.function == "output" and pin.state)
    led.end()
    assert len(posted.of(StatusLedFailed)) == 1


def test_missing_gpio_is_a_fault_for_the_person_and_no_crash(posted: Posted) -> None:
    led = StatusLed(SETTINGS, posted, pin_factory=NoGpio())
    led.start()
    fault = posted.wait(StatusLedFailed).fault
    assert (fault.what, "no GPIO here" in fault.detail) == ("No light", True)
    led.end()
