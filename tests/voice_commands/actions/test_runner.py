import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from appliance.core.command_events import CommandEnded
from appliance.core.errors import ActionError
from appliance.core.events import Event
from appliance.settings.commands import Command, Gpio, Mqtt, Stop, Webhook
from appliance.voice_commands.actions.action import ActionRequest, Surroundings
from appliance.voice_commands.actions.runner import ActionRunner
from tests.rig.waiting import wait_until
from tests.voice_commands.web import Behaviour, Web, drips, hangs, says

WORDS = "Please turn it on."

ON = Gpio("lamp on", pin=22, state="on")
OFF = Gpio("lamp off", pin=22, state="off")
TOGGLE = Gpio("lamp", pin=22, state="toggle")
PULSE = Gpio("open the door", pin=22, state="pulse", seconds=0.2)
LONG_PULSE = Gpio("flush", pin=22, state="pulse", seconds=3600)
OTHER = Gpio("fan on", pin=23, state="on")
MESSAGE = Mqtt("lights out", topic="house/lights", payload="off")


class Stage:
    """A runner of actions, and how each request ended."""

    def __init__(self, *commands: Command, **options: Any) -> None:  # noqa: ANN401 - surroundings
        self.ended: list[CommandEnded] = []
        self._changed = threading.Condition()
        self.runner = ActionRunner(commands, self._post, Surroundings("kitchen", **options))
        self._said = 0

    def _post(self, event: Event) -> None:
        assert isinstance(event, CommandEnded)
        with self._changed:
            self.ended.append(event)
            self._changed.notify_all()

    def say(self, command: Gpio | Mqtt | Webhook, words: str = WORDS) -> float:
        """Make a request; return when it was made, in seconds of the session."""
        self._said += 1
        self.runner.perform(ActionRequest(command, "s1", words, float(self._said)))
        return float(self._said)

    def failure_of(self, at: float) -> str:
        """Return how the request of this time ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: at in {event.at for event in self.ended}, 20)
            return next(event.failure for event in self.ended if event.at == at)

    def does(self, command: Gpio | Mqtt | Webhook, words: str = WORDS) -> str:
        """Make a request; return how it ended."""
        return self.failure_of(self.say(command, words))


Make = Callable[..., Stage]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make stages whose runners are ended after the test."""
    stages: list[Stage] = []

    def build(*commands: Command, **options: Any) -> Stage:  # noqa: ANN401 - surroundings
        stage = Stage(*commands, **options)
        stages.append(stage)
        stage.runner.start()
        return stage

    yield build
    for stage in stages:
        stage.runner.end()


@pytest.fixture
def pin(factory: MockFactory) -> MockPin:
    return factory.pin(22)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hangs until it is set; at the latest at the end."""
    released = threading.Event()
    yield released
    released.set()


def history(pin: MockPin) -> list[bool]:
    return [state for _, state in pin.states]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("action")]


def test_without_such_commands_there_is_no_thread(make: Make) -> None:
    make()
    make(Stop("stop"))
    assert not threads()


def test_there_is_one_thread_for_each_target(make: Make) -> None:
    hooks = [Webhook("a", url="http://lamp.lan/a"), Webhook("b", url="http://lamp.lan/b")]
    make(ON, OFF, OTHER, MESSAGE, *hooks)
    expected = {"GPIO 22", "GPIO 23", "the broker", "lamp.lan"}
    assert sorted(threads()) == sorted(f"actions {name}" for name in expected)


# Pins


def test_the_outcome_of_a_request_is_reported(make: Make, factory: MockFactory) -> None:
    stage = make(ON, pin_factory=factory)
    assert stage.does(ON) == ""
    assert stage.ended == [CommandEnded("s1", "lamp on", WORDS, at=1.0, failure="")]


def test_a_pin_is_switched_on_off_and_over(make: Make, factory: MockFactory, pin: MockPin) -> None:
    stage = make(ON, OFF, TOGGLE, pin_factory=factory)
    for command in (ON, OFF, TOGGLE, TOGGLE, ON, TOGGLE):
        stage.say(command)
    assert stage.failure_of(6.0) == ""
    assert history(pin) == [False, True, False, True, False, True, False]


def test_a_pulse_ends_by_itself_and_not_too_soon(
    make: Make, factory: MockFactory, pin: MockPin
) -> None:
    stage = make(PULSE, pin_factory=factory)
    assert stage.does(PULSE) == ""
    wait_until(lambda: history(pin) == [False, True, False])
    assert pin.states[2].timestamp >= 0.2


def test_a_pulse_holds_up_nothing(make: Make, factory: MockFactory, pin: MockPin) -> None:
    stage = make(LONG_PULSE, OTHER, OFF, pin_factory=factory)
    assert stage.does(LONG_PULSE) == ""
    assert stage.does(OTHER) == ""
    assert pin.state
    assert factory.pin(23).state
    assert stage.does(OFF) == ""
    assert not pin.state


@pytest.mark.parametrize(("command", "state"), [(ON, True), (OFF, False), (TOGGLE, False)])
def test_another_command_for_the_pin_wins_over_a_pulse(
    factory: MockFactory, pin: MockPin, command: Gpio, state: bool
) -> None:
    longer = Gpio("longer", pin=23, state="pulse", seconds=PULSE.seconds + 0.2)
    stage = Stage(PULSE, command, longer, pin_factory=factory)
    stage.say(PULSE)
    at = stage.say(command)
    stage.runner.start()
    assert stage.failure_of(at) == ""
    before = history(pin)
    stage.say(longer)
    wait_until(lambda: history(factory.pin(23)) == [False, True, False])
    assert (history(pin), pin.state) == (before, state)
    stage.runner.end()


def test_a_pulse_while_one_goes_on_starts_again(
    make: Make, factory: MockFactory, pin: MockPin
) -> None:
    stage = make(PULSE, LONG_PULSE, pin_factory=factory)
    stage.say(LONG_PULSE)
    stage.say(PULSE)
    wait_until(lambda: history(pin) == [False, True, False])


def test_a_pulse_ends_with_the_program(make: Make, factory: MockFactory, pin: MockPin) -> None:
    stage = make(LONG_PULSE, OTHER, pin_factory=factory)
    stage.does(LONG_PULSE)
    stage.does(OTHER)
    stage.runner.end()
    assert (history(pin), pin.function) == ([False, True, False], "input")
    assert history(factory.pin(23)) == [False, True, False]
    assert not threads()
    with gpiozero.LED(22, pin_factory=factory), gpiozero.LED(23, pin_factory=factory):
        pass


def test_a_pin_in_use_is_reported_in_words(make: Make, factory: MockFactory) -> None:
    stage = make(ON, pin_factory=factory)
    with gpiozero.Button(22, pin_factory=factory):
        assert stage.does(ON) == "GPIO 22 is in use"
    assert stage.does(ON) == ""


def test_missing_gpio_is_reported_in_words_and_the_rest_goes_on(make: Make) -> None:
    class NoGpio(gpiozero.Factory):  # type: ignore[misc] # gpiozero has no types
        def reserve_pins(self, *_: object) -> None:
            raise gpiozero.BadPinFactory("no GPIO here")

    sent: list[tuple[str, str]] = []
    stage = make(ON, MESSAGE, pin_factory=NoGpio(), publish=lambda *said: sent.append(said))
    assert stage.does(ON) == "GPIO 22 can't be used"
    assert stage.does(MESSAGE) == ""


def test_a_pin_library_that_raises_what_nobody_foresaw_ends_nothing(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    class MadPin(MockPin):  # type: ignore[misc] # gpiozero has no types
        mad = True

        def _set_state(self, value: bool) -> None:
            if self.mad and value:
                raise KeyError(value)
            super()._set_state(value)

    factory = MockFactory(pin_class=MadPin)
    stage = make(ON, pin_factory=factory)
    assert stage.does(ON) == "failed, see the log"
    assert "KeyError" in caplog.text
    factory.pin(22).mad = False
    assert stage.does(ON) == ""
    assert factory.pin(22).state


def hanging_at(pin: int, released: threading.Event) -> MockFactory:
    """Return pins of which one hangs whenever it is switched on, until released."""

    class HangingPin(MockPin):  # type: ignore[misc] # gpiozero has no types
        def _set_state(self, value: bool) -> None:
            if value and self.info.name == f"GPIO{pin}":
                released.wait()
            super()._set_state(value)

    return MockFactory(pin_class=HangingPin)


def test_a_pin_that_hangs_holds_up_no_other(make: Make, released: threading.Event) -> None:
    factory = hanging_at(22, released)
    pulse = Gpio("other door", pin=23, state="pulse", seconds=0.05)
    stage = make(ON, pulse, pin_factory=factory)
    hung = stage.say(ON)
    assert stage.does(pulse) == ""
    wait_until(lambda: history(factory.pin(23)) == [False, True, False])
    assert hung not in {event.at for event in stage.ended}


def test_a_pin_that_hangs_is_given_up_and_what_comes_of_it_late_is_undone(
    make: Make, released: threading.Event
) -> None:
    factory = hanging_at(22, released)
    pin = factory.pin(22)
    stage = make(ON, OFF, pin_factory=factory, limit=1)
    assert stage.does(ON) == "took too long"
    assert [stage.does(OFF) for _ in range(20)] == ["GPIO 22 still hangs"] * 20
    assert threads().count("action GPIO 22") == 1
    released.set()
    wait_until(lambda: "action GPIO 22" not in threads())
    assert (history(pin), pin.function) == ([False, True, False], "input")
    assert stage.does(ON) == ""
    assert pin.state


def test_a_pin_that_hangs_does_not_keep_the_program_from_ending(
    make: Make, released: threading.Event
) -> None:
    factory = hanging_at(22, released)
    stage = make(ON, OTHER, pin_factory=factory)
    assert stage.does(OTHER) == ""
    stage.say(ON)
    stage.runner.end()
    assert not released.is_set()
    assert history(factory.pin(23)) == [False, True, False]


# The broker


def test_a_message_goes_to_the_broker_as_the_settings_have_it(make: Make) -> None:
    sent: list[tuple[str, str]] = []
    stage = make(MESSAGE, publish=lambda *said: sent.append(said))
    assert stage.does(MESSAGE) == ""
    assert sent == [("house/lights", "off")]


def test_without_a_broker_it_is_reported(make: Make) -> None:
    assert make(MESSAGE).does(MESSAGE) == "no broker"


def test_what_the_broker_s_part_says_is_reported(make: Make) -> None:
    class BrokerError(ActionError):
        pass

    def refuse(topic: str, payload: str) -> None:
        raise BrokerError("no answer from the broker")

    assert make(MESSAGE, publish=refuse).does(MESSAGE) == "no answer from the broker"


def test_a_broker_s_part_that_hangs_is_given_up(make: Make, released: threading.Event) -> None:
    stage = make(MESSAGE, publish=lambda *_: bool(released.wait()), limit=0.1)
    assert stage.does(MESSAGE) == "took too long"
    assert stage.does(MESSAGE) == "the broker still hangs"


# Webhooks


def test_a_webhook_says_who_heard_what_and_when(make: Make) -> None:
    moment = datetime.fromisoformat("2026-11-22T17:00:00+01:00")
    with Web(says(204)) as web:
        hook = Webhook(("I [am] ready", "hello"), url=f"{web.url}/hook?key=1")
        assert make(hook, now=lambda: moment).does(hook) == ""
    (request,) = web.requests
    assert request.path == "/hook?key=1"
    assert request.json == {
        "appliance": "kitchen",
        "command": "I am ready",
        "words": WORDS,
        "time": "2026-11-22T17:00:00+01:00",
    }


def test_the_time_has_an_offset(make: Make) -> None:
    with Web(says(204)) as web:
        hook = Webhook("hello", url=web.url)
        assert make(hook).does(hook) == ""
    assert datetime.fromisoformat(web.requests[0].json["time"]).tzinfo


def test_why_a_webhook_failed_is_reported(make: Make) -> None:
    with Web(says(404)) as web:
        hook = Webhook("hello", url=f"{web.url}/secret")
        assert make(hook).does(hook) == "127.0.0.1 says 404"


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour", [hangs, drips(b"HTTP/1.1 200 OK\r\nX-Drip: ")], ids=["hangs", "drips"]
)
def test_a_host_that_hangs_is_given_up_and_holds_up_nothing(
    make: Make, factory: MockFactory, behaviour: Behaviour
) -> None:
    with Web(behaviour) as slow, Web(says(204)) as quick:
        hung = Webhook("hello", url=slow.url)
        # The same address by another name: a bare system does not know "localhost".
        fine = Webhook("goodbye", url=quick.url.replace("127.0.0.1", "127.1"))
        stage = make(hung, fine, ON, pin_factory=factory, limit=2)
        stage.say(hung)
        wait_until(lambda: slow.requests)
        assert stage.does(fine) == ""
        assert stage.does(ON) == ""
        assert stage.failure_of(1.0) == "took too long"
        assert [stage.does(hung) for _ in range(5)] == ["127.0.0.1 still hangs"] * 5
        assert threads().count("action 127.0.0.1") == 1
        assert len(slow.requests) == 1


@pytest.mark.slow
def test_a_host_that_hangs_does_not_keep_the_program_from_ending(make: Make) -> None:
    with Web(drips(b"HTTP/1.1 200 OK\r\nX-Drip: ")) as slow:
        hung = Webhook("hello", url=slow.url)
        stage = make(hung)
        stage.say(hung)
        wait_until(lambda: slow.requests)
        stage.runner.end()
        assert not slow.released.is_set()
        assert not stage.ended


# Words


@pytest.mark.parametrize(
    "words",
    ["Lamp on.", "house/other +/# {words} %s", "$(reboot); `reboot` | reboot", "../x?y=z#\r\nA: b"],
)
def test_nothing_that_is_said_gets_into_a_topic_or_an_address(make: Make, words: str) -> None:
    sent: list[tuple[str, str]] = []
    with Web(says(204)) as web:
        hook = Webhook("hello", url=f"{web.url}/hook/words?words")
        stage = make(hook, MESSAGE, publish=lambda *said: sent.append(said))
        assert stage.does(hook, words) == ""
        assert stage.does(MESSAGE, words) == ""
    assert sent == [("house/lights", "off")]
    (request,) = web.requests
    assert request.path == "/hook/words?words"
    assert set(request.headers) == {
        "Host",
        "User-Agent",
        "Accept-Encoding",
        "Accept",
        "Connection",
        "Content-Type",
        "Content-Length",
    }
    assert request.json["words"] == words


def test_what_the_settings_do_not_list_is_not_done(make: Make, pin: MockPin) -> None:
    stage = make(OTHER)
    with pytest.raises(KeyError):
        stage.say(ON)
    assert pin.function == "input"
