import errno
import functools
import logging
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from PIL import Image

from appliance.core.events import Event, ScreenFailed, ScreenRecovered
from appliance.core.faults import Fault
from appliance.screen.burn_in import STEP_TIME, Brightness
from appliance.screen.display import Display
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings.schema import DisplaySettings
from tests.rig.oled import Ssd1306
from tests.rig.waiting import wait_until

READY = Scene(Mode.READY, hint="Press to start")
LISTENING = Scene(Mode.LISTENING, turns=(ShownTurn("Hello"),))
SETTINGS = DisplaySettings(dim_after=60, sleep_after=600)


class Recorder:
    """Panel that records its calls, and can be made to wait."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.threads: set[str] = set()
        self.calls: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def show(self, scene: Scene, _: Image.Image) -> None:
        self.threads.add(threading.current_thread().name)
        self.scenes.append(scene)
        assert self.free.wait(30)

    def set_brightness(self, brightness: Brightness) -> None:
        self.calls.append(brightness.value)

    def check(self) -> None:
        self.calls.append("check")

    def clear(self) -> None:
        self.calls.append("clear")

    def close(self) -> None:
        self.calls.append("close")


Start = Callable[[Callable[[DisplaySettings], Panel | None]], Display]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def now() -> list[float]:
    """The time, which tests set."""
    return [0.0]


@pytest.fixture
def start(events: list[Event], now: list[float]) -> Iterator[Start]:
    displays = []

    def start(opener: Callable[[DisplaySettings], Panel | None]) -> Display:
        display = Display(
            SETTINGS,
            events.append,
            open_panel=opener,
            clock=lambda: now[0],
            retry_interval=0.01,
            check_interval=0.01,
        )
        displays.append(display)
        display.start()
        return display

    yield start
    for display in displays:
        display.end()


def on_oled(module: Ssd1306) -> Callable[[DisplaySettings], Panel | None]:
    return functools.partial(open_panel, bus=module)


def shows(module: Ssd1306, display: Display) -> bool:
    return display.picture is not None and module.image.tobytes() == display.picture.tobytes()


def test_a_scene_is_seen_on_the_panel(start: Start, events: list[Event]) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(LISTENING)
    wait_until(lambda: shows(module, display))
    assert events == [ScreenRecovered()]


def test_only_the_newest_scene_is_shown_when_the_panel_is_slow(start: Start) -> None:
    panel = Recorder()
    display = start(lambda _: panel)
    panel.free.clear()
    display.show(READY)
    wait_until(lambda: panel.scenes)
    for second in range(100):
        display.show(Scene(Mode.LISTENING, elapsed=second))
    panel.free.set()
    wait_until(lambda: len(panel.scenes) > 1)
    assert panel.scenes == [READY, Scene(Mode.LISTENING, elapsed=99)]
    assert panel.threads == {"display"}


def test_a_picture_that_is_shown_already_is_not_sent_again(start: Start) -> None:
    panel = Recorder()
    display = start(lambda _: panel)
    display.show(Scene(Mode.LISTENING, elapsed=1.0))
    wait_until(lambda: panel.scenes)
    display.show(Scene(Mode.LISTENING, elapsed=1.1))
    wait_until(lambda: "check" in panel.calls)
    assert panel.scenes == [Scene(Mode.LISTENING, elapsed=1.0)]


def test_a_panel_that_is_missing_is_reported_once_and_tried_again(
    start: Start, events: list[Event]
) -> None:
    fault = Fault("The OLED does not answer")
    panel = Recorder()
    tries = []

    def opener(_: DisplaySettings) -> Panel:
        tries.append(1)
        if len(tries) < 3:
            raise PanelError(fault)
        return panel

    display = start(opener)
    display.show(READY)
    wait_until(lambda: panel.scenes)
    assert panel.scenes == [READY]
    wait_until(lambda: len(events) == 2)
    assert events == [ScreenFailed(fault), ScreenRecovered()]


def pulled_out(start: Start, module: Ssd1306, events: list[Event]) -> Display:
    """Return a display that has shown "Ready" until its panel was pulled out."""
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    module.unplug()
    wait_until(lambda: len(events) == 2)
    return display


def test_a_panel_that_was_pulled_out_shows_the_newest_picture_when_it_is_back(
    start: Start, events: list[Event]
) -> None:
    module = Ssd1306()
    display = pulled_out(start, module, events)
    display.show(LISTENING)
    module.plug()
    wait_until(lambda: len(events) == 3)
    wait_until(lambda: shows(module, display))
    assert [type(event) for event in events] == [ScreenRecovered, ScreenFailed, ScreenRecovered]


def test_a_panel_that_is_back_never_shows_that_it_was_gone(
    start: Start, events: list[Event]
) -> None:
    module = Ssd1306()
    display = pulled_out(start, module, events)
    failed = events[1]
    assert isinstance(failed, ScreenFailed)
    display.show(msgspec.structs.replace(READY, fault=failed.fault))
    module.plug()
    wait_until(lambda: len(events) == 3)
    assert module.image.tobytes() == Renderer.for_settings(SETTINGS).draw(READY).tobytes()


def test_after_an_error_of_the_bus_the_whole_picture_is_sent(
    start: Start, events: list[Event]
) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    module.fail(0, 0, 0, errno.EIO)
    display.show(LISTENING)
    wait_until(lambda: len(events) == 3)
    wait_until(lambda: shows(module, display))


def test_the_end_leaves_the_panel_dark(start: Start) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    display.end()
    assert module.image.getbbox() is None
    assert not module.on


def test_a_last_scene_stays_when_the_display_has_ended(start: Start) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    display.end(Scene(Mode.STOPPING))
    assert module.on
    assert shows(module, display)
    assert not [thread for thread in threading.enumerate() if thread.name == "display"]


def test_the_panel_is_closed_at_the_end(start: Start) -> None:
    panel = Recorder()
    display = start(lambda _: panel)
    display.end()
    assert panel.calls == ["clear", "close"]


def test_a_missing_panel_does_not_hold_up_the_end(start: Start, events: list[Event]) -> None:
    module = Ssd1306()
    module.unplug()
    display = start(on_oled(module))
    wait_until(lambda: events)
    display.end(Scene(Mode.STOPPING))
    assert [type(event) for event in events] == [ScreenFailed]


def test_without_a_panel_nothing_is_reported(start: Start, events: list[Event]) -> None:
    display = start(lambda _: None)
    display.show(READY)
    display.end()
    assert events == []
    assert display.picture is None


def test_an_idle_panel_dims_and_sleeps_and_a_press_wakes_it(start: Start, now: list[float]) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    now[0] = SETTINGS.dim_after
    wait_until(lambda: module.contrast < SETTINGS.contrast)
    assert shows(module, display)
    now[0] = SETTINGS.sleep_after
    wait_until(lambda: not module.on)
    display.show(LISTENING)
    wait_until(lambda: module.on)
    wait_until(lambda: shows(module, display))
    wait_until(lambda: module.contrast == SETTINGS.contrast)


def test_a_panel_wakes_with_the_new_picture_on_it(start: Start, now: list[float]) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    now[0] = SETTINGS.sleep_after
    wait_until(lambda: not module.on)
    seen = []
    module.on_transfer = lambda: seen.append(module.image.tobytes()) if module.on else None
    display.show(LISTENING)
    wait_until(lambda: module.on)
    wait_until(lambda: shows(module, display))
    assert set(seen) == {module.image.tobytes()}


def test_a_sleeping_panel_is_reported_to_work_when_it_is_put_back(
    start: Start, now: list[float], events: list[Event]
) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    now[0] = SETTINGS.sleep_after
    wait_until(lambda: not module.on)
    module.unplug()
    wait_until(lambda: len(events) == 2)
    module.plug()
    wait_until(lambda: len(events) == 3)
    assert isinstance(events[-1], ScreenRecovered)
    wait_until(lambda: not module.on)
    display.show(LISTENING)
    wait_until(lambda: shows(module, display))


def test_the_picture_moves_in_a_session_too(start: Start, now: list[float]) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(LISTENING)
    wait_until(lambda: shows(module, display))
    still = module.image
    now[0] = STEP_TIME
    wait_until(lambda: module.image.getbbox() != still.getbbox())
    wait_until(lambda: shows(module, display))
    moved = Image.new("1", still.size)
    moved.paste(still, (1, 0))
    assert module.image.tobytes() == moved.tobytes()


def test_a_panel_that_stays_away_is_in_the_log_once_and_its_return_too(
    start: Start, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    module = Ssd1306()
    tries = []

    def opener(settings: DisplaySettings) -> Panel | None:
        tries.append(1)
        return open_panel(settings, bus=module)

    module.unplug()
    with caplog.at_level(logging.INFO):
        display = start(opener)
        display.show(READY)
        wait_until(lambda: len(tries) > 2)
        module.plug()
        wait_until(lambda: shows(module, display))
        wait_until(lambda: len(events) == 2)
    logged = [record.getMessage() for record in caplog.records]
    assert len(logged) == 2
    assert "does not answer" in logged[0]
    assert logged[1] == "the screen shows pictures"


@pytest.mark.parametrize("brightness", [Brightness.DIMMED, Brightness.ASLEEP])
def test_the_end_wakes_the_panel_for_what_stays_on_it(
    start: Start, now: list[float], brightness: Brightness
) -> None:
    module = Ssd1306()
    display = start(on_oled(module))
    display.show(READY)
    wait_until(lambda: shows(module, display))
    now[0] = SETTINGS.dim_after if brightness is Brightness.DIMMED else SETTINGS.sleep_after
    wait_until(lambda: module.contrast < SETTINGS.contrast or not module.on)
    display.end(Scene(Mode.STOPPING))
    assert shows(module, display)
    assert module.contrast == SETTINGS.contrast
