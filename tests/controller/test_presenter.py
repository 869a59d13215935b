import pytest

from appliance.controller.fault_list import FaultList
from appliance.controller.presenter import FAILURE_TIME, NETWORK_INTERVAL, Presenter
from appliance.core.events import (
    BrokerFailed,
    ButtonFailed,
    ButtonReady,
    CommandEnded,
    Event,
    Fault,
)
from appliance.core.parts import Part
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, Summary
from appliance.settings import Settings
from appliance.system.wall_clock import WallClock
from tests.rig.clock import Clock


class Seen:
    """A screen that remembers the last scene."""

    def __init__(self) -> None:
        self.scene = Scene(Mode.STOPPING)

    def show(self, scene: Scene) -> None:
        self.scene = scene


class Shown:
    """A presenter with a display and a light."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.display, self.light = Seen(), Seen()
        self.faults = FaultList()
        self.asked: list[str] = []
        self.presenter = Presenter(
            [self.display, self.light],
            self.faults,
            Settings(),
            WallClock(self.clock, Clock(1_700_000_000.0), lambda: False),
            self._has_network,
        )

    def idle(self, power_off_in: int = 0) -> Scene:
        self.presenter.show_idle(waiting=2.0, power_off_in=power_off_in)
        assert self.light.scene == self.display.scene
        return self.display.scene

    def _has_network(self, url: str) -> bool:
        self.asked.append(url)
        return False


@pytest.fixture
def shown() -> Shown:
    return Shown()


@pytest.mark.parametrize("event", [ButtonReady(), ButtonFailed(Fault("No button"))])
def test_it_is_starting_until_a_press_would_be_heard_or_never_will(
    shown: Shown, event: Event
) -> None:
    assert shown.idle() == Scene(Mode.STARTING)
    shown.presenter.handle(event)
    assert shown.idle().mode is Mode.READY


def test_between_sessions_all_there_is_to_see_is_shown(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.faults.report(Part.SESSION, Fault("Key refused"))
    assert shown.idle(power_off_in=1) == Scene(
        Mode.READY,
        elapsed=100.0,
        waiting=2.0,
        fault=Fault("Key refused"),
        hint="Press to start",
        network=False,
        power_off_in=1,
    )
    assert shown.asked == [Settings().service.url]


def test_the_routes_are_looked_at_now_and_then(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    for _ in range(3):
        shown.idle()
    assert len(shown.asked) == 1
    shown.clock.now += NETWORK_INTERVAL
    shown.idle()
    assert len(shown.asked) == 2


def ended(name: str, failure: str = "") -> CommandEnded:
    return CommandEnded("s", name, name, 1.0, failure)


def test_how_a_command_ended_is_told_after_the_session_too(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.presenter.end(Summary(seconds=60.0, words=90))
    shown.presenter.handle(ended("call the nurse", "no answer"))
    assert shown.idle().remark == "Call the nurse: no answer"
    shown.clock.now += FAILURE_TIME
    assert shown.idle().remark == ""


def test_why_one_failed_is_not_hidden_by_one_that_did_not(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.presenter.handle(ended("lamp on", "GPIO 22 can't be used"))
    shown.presenter.handle(ended("radio on"))
    assert shown.idle().remark == "Lamp on: GPIO 22 can't be used"
    shown.presenter.handle(ended("bell", "took too long"))
    assert shown.idle().remark == "Bell: took too long"
    shown.clock.now += FAILURE_TIME
    shown.presenter.handle(ended("radio on"))
    assert shown.idle().remark == "Radio on: done"


def test_what_is_amiss_in_the_house_is_but_remarked_on(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.faults.handle(BrokerFailed(Fault("No MQTT broker", "check it", "10.0.0.1: refused")))
    scene = shown.idle()
    assert scene.fault is None
    assert scene.hint == "Press to start"
    assert scene.remark == "No MQTT broker: check it"


def test_where_a_press_would_be_in_vain_nobody_is_told_to(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.faults.report(Part.MICROPHONE, Fault("No microphone"))
    assert not shown.idle().hint


def test_what_a_session_came_to_is_shown_for_a_while(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.presenter.end(Summary(seconds=60.0, words=90))
    assert shown.idle().mode is Mode.SAVED
    assert shown.idle().summary == Summary(seconds=60.0, words=90)
    shown.clock.now += 8.1
    assert shown.idle().mode is Mode.READY


def test_the_next_session_makes_that_old_news(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.presenter.end(Summary(seconds=60.0, words=90))
    shown.presenter.begin()
    assert shown.idle().mode is Mode.READY


def test_a_fault_that_is_too_long_turns_its_pages(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    remedy = "display.lines = 12 is not allowed: expected lines of text, 2 to 6"
    shown.faults.report(Part.SETTINGS, Fault("Settings: mistake", remedy))
    pictures = set()
    for _ in range(20):
        shown.clock.now += 1.0
        pictures.add(Renderer(128, 32).draw(shown.idle()).tobytes())
    assert len(pictures) > 1


def test_nothing_is_called_saved_that_could_not_be(shown: Shown) -> None:
    shown.presenter.handle(ButtonReady())
    shown.presenter.end(Summary(seconds=60.0, words=90))
    shown.faults.report(Part.HISTORY, Fault("Can't save", "check the SD card"))
    assert shown.idle().mode is Mode.READY
