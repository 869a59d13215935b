import pytest

from appliance.controller.fault_list import FaultList
from appliance.controller.presenter import FAILURE_TIME, NETWORK_INTERVAL, Presenter
from appliance.controller.service_notice import NOTICE_TIME
from appliance.core.command_events import AlertFailed, CommandEnded
from appliance.core.events import BrokerFailed, ParametersUnapplied
from appliance.core.faults import Fault, Part
from appliance.core.unapplied import Unapplied
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, Summary
from appliance.settings import Settings
from appliance.system.wall_clock import WallClock
from tests.rig.clock import Clock


class LastScene:
    """A screen that remembers the last scene."""

    def __init__(self) -> None:
        self.scene = Scene(Mode.STOPPING)

    def show(self, scene: Scene) -> None:
        self.scene = scene


class Presented:
    """A presenter with a display and a status LED."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.display, self.led = LastScene(), LastScene()
        self.faults = FaultList()
        self.checked: list[str] = []
        self.presenter = Presenter(
            [self.display, self.led],
            self.faults,
            Settings(),
            WallClock(self.clock, Clock(1_700_000_000.0), lambda: False),
            self._has_network,
        )

    def idle(self, power_off_in: int = 0) -> Scene:
        self.presenter.show_idle(waiting=2.0, power_off_in=power_off_in)
        assert self.led.scene == self.display.scene
        return self.display.scene

    def _has_network(self, url: str) -> bool:
        self.checked.append(url)
        return False


@pytest.fixture
def presented() -> Presented:
    return Presented()


def test_the_idle_scene_holds_all_there_is_to_see(presented: Presented) -> None:
    presented.faults.report(Part.SESSION, Fault("Key refused"))
    assert presented.idle(power_off_in=1) == Scene(
        Mode.READY,
        elapsed=100.0,
        waiting=2.0,
        fault=Fault("Key refused"),
        hint="Press to start",
        network=False,
        power_off_in=1,
    )
    assert presented.checked == [Settings().service.url]


def test_the_routes_are_checked_every_two_seconds(presented: Presented) -> None:
    for _ in range(3):
        presented.idle()
    assert len(presented.checked) == 1
    presented.clock.now += NETWORK_INTERVAL
    presented.idle()
    assert len(presented.checked) == 2


def ended(name: str, failure: str = "") -> CommandEnded:
    return CommandEnded("s", name, name, 1.0, failure)


def test_the_outcome_of_a_command_is_shown_after_the_session_too(presented: Presented) -> None:
    presented.presenter.end(Summary(seconds=60.0, words=90))
    presented.presenter.handle(ended("call the nurse", "no answer"))
    assert presented.idle().remark == "Call the nurse: no answer"
    presented.clock.now += FAILURE_TIME
    assert presented.idle().remark == ""


def test_a_success_does_not_hide_a_failure(presented: Presented) -> None:
    presented.presenter.handle(ended("lamp on", "GPIO 22 can't be used"))
    presented.presenter.handle(ended("radio on"))
    assert presented.idle().remark == "Lamp on: GPIO 22 can't be used"
    presented.presenter.handle(ended("bell", "took too long"))
    assert presented.idle().remark == "Bell: took too long"
    presented.clock.now += FAILURE_TIME
    presented.presenter.handle(ended("radio on"))
    assert presented.idle().remark == "Radio on: done"


def test_another_model_is_told_once_between_sessions(
    presented: Presented, caplog: pytest.LogCaptureFixture
) -> None:
    applied = Unapplied("speech_model", "universal-streaming-english", "universal-3-6-pro")
    event = ParametersUnapplied("s1", (applied, Unapplied("mode", "min_latency", "")))
    for _ in range(3):
        presented.presenter.handle(event)
    presented.presenter.end(Summary(10.0, 3))
    assert presented.idle().remark == ""
    presented.clock.now += 10
    assert presented.idle().remark == "The service uses another model: see the doctor"
    presented.clock.now += NOTICE_TIME
    presented.presenter.handle(event)
    assert presented.idle().remark == ""
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith(
        'speech_model is "universal-3-6-pro", not "universal-streaming-english",'
        " mode is not applied"
    )


def test_a_minor_fault_is_only_a_remark(presented: Presented) -> None:
    presented.faults.handle(BrokerFailed(Fault("No MQTT broker", "check it", "10.0.0.1: refused")))
    scene = presented.idle()
    assert scene.fault is None
    assert scene.hint == "Press to start"
    assert scene.remark == "No MQTT broker: check it"


def test_where_a_press_would_be_useless_nobody_is_asked_to_press(presented: Presented) -> None:
    presented.faults.report(Part.MICROPHONE, Fault("No microphone"))
    assert not presented.idle().hint


def test_a_pin_that_fails_at_an_alert_is_remarked_on(presented: Presented) -> None:
    presented.presenter.handle(AlertFailed("s1", "GPIO 22 is in use"))
    assert presented.idle().remark == "Alert: GPIO 22 is in use"


def test_a_summary_is_shown_for_a_while(presented: Presented) -> None:
    presented.presenter.end(Summary(seconds=60.0, words=90))
    assert presented.idle().mode is Mode.SAVED
    assert presented.idle().summary == Summary(seconds=60.0, words=90)
    presented.clock.now += 8.1
    assert presented.idle().mode is Mode.READY


def test_the_next_session_ends_the_summary(presented: Presented) -> None:
    presented.presenter.end(Summary(seconds=60.0, words=90))
    presented.presenter.begin()
    assert presented.idle().mode is Mode.READY


def test_a_fault_that_is_too_long_is_shown_in_pages(presented: Presented) -> None:
    remedy = "display.lines = 12 is not allowed: expected lines of text, 2 to 6"
    presented.faults.report(Part.SETTINGS, Fault("Settings: mistake", remedy))
    pictures = set()
    for _ in range(20):
        presented.clock.now += 1.0
        pictures.add(Renderer(128, 32).draw(presented.idle()).tobytes())
    assert len(pictures) > 1


def test_what_can_not_be_saved_is_not_called_saved(presented: Presented) -> None:
    presented.presenter.end(Summary(seconds=60.0, words=90))
    presented.faults.report(Part.HISTORY, Fault("Can't save", "check the SD card"))
    assert presented.idle().mode is Mode.READY
