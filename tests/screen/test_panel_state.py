"""State of a panel on a bus that fails at any moment."""

import errno
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from appliance.screen.burn_in import PLACES, Brightness
from appliance.screen.display import PanelState
from appliance.screen.panels.base import PanelError
from appliance.screen.panels.oled import DIMMED_CONTRAST, Oled
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings
from tests.rig.oled import MODULES, Ssd1306, pixels

SCENE = Scene(Mode.LISTENING)


class Boxes(Renderer):
    """Renderer of boxes: as many as the scene's seconds, from a list of the test."""

    def __init__(self, boxes: Sequence[tuple[int, int, int, int]]) -> None:
        super().__init__()
        self._boxes = boxes

    def draw(self, scene: Scene, shift: tuple[int, int] = (0, 0)) -> Image.Image:
        picture = Image.new("1", self.size)
        for x, y, width, height in self._boxes[: int(scene.elapsed)]:
            picture.paste(1, (x, y, x + width, y + height))
        moved = Image.new("1", self.size)
        moved.paste(picture, shift)
        return moved


class Moment(NamedTuple):
    """What to show, when, and what the bus does meanwhile."""

    boxes: int
    brightness: Brightness
    shift: tuple[int, int]
    seconds: float
    good_transfers: int
    good_bytes: int
    error: int


boxes = st.lists(
    st.tuples(st.integers(0, 127), st.integers(0, 63), st.integers(1, 60), st.integers(1, 30)),
    max_size=5,
)
moments = st.builds(
    Moment,
    boxes=st.integers(0, 5),
    brightness=st.sampled_from(Brightness),
    shift=st.sampled_from(PLACES),
    seconds=st.sampled_from([0.3, 20.0, 61.0]),
    good_transfers=st.integers(0, 30),
    good_bytes=st.integers(0, 140),
    error=st.sampled_from([errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT]),
)


class Bench:
    """Panel on a simulated bus, opened again after each error as by the display."""

    def __init__(self, settings: DisplaySettings, renderer: Renderer) -> None:
        self.module = MODULES[settings.driver]()
        self._settings = settings
        self._renderer = renderer
        self._now = 0.0
        self._panel = self._open()

    def show(self, moment: Moment) -> None:
        scene = Scene(Mode.LISTENING, elapsed=moment.boxes)
        self._now += moment.seconds
        failures = [0] * moment.good_transfers + [moment.error]
        self.module.fail(*failures, after=moment.good_bytes)
        while True:
            try:
                self._state.show(scene, moment.brightness, moment.shift)
                self._state.panel.check()
            except PanelError:
                self._panel = self._open_in_time()
            else:
                return

    def _open(self) -> Oled:
        panel = Oled(self._settings, bus=self.module, clock=lambda: self._now)
        self._state = PanelState(panel, self._renderer)
        return panel

    def _open_in_time(self) -> Oled:
        """Open the panel; the one error that is left may come meanwhile."""
        try:
            return self._open()
        except PanelError:
            return self._open()


@pytest.mark.parametrize("rotate", [0, 2])
@pytest.mark.parametrize("driver", MODULES)
@given(boxes=boxes, moments=st.lists(moments, min_size=1, max_size=8))
def test_the_panel_ends_with_the_last_picture_whatever_the_bus_does(
    driver: str, rotate: int, boxes: list[tuple[int, int, int, int]], moments: list[Moment]
) -> None:
    renderer = Boxes(boxes)
    bench = Bench(DisplaySettings(driver=driver, rotate=rotate), renderer)
    for moment in moments:
        bench.show(moment)
    last = moments[-1]
    assert bench.module.on == (last.brightness is not Brightness.ASLEEP)
    bench.module.fail()
    bench.show(last._replace(brightness=Brightness.DIMMED, good_transfers=1000))
    picture = renderer.draw(Scene(Mode.LISTENING, elapsed=last.boxes), last.shift)
    assert bench.module.contrast == DIMMED_CONTRAST
    assert pixels(bench.module.image) == pixels(picture.rotate(-90 * rotate))


def test_a_panel_that_is_opened_while_it_should_sleep_shows_nothing() -> None:
    module = Ssd1306()
    seen = []
    module.on_transfer = lambda: seen.append(module.image.getbbox())
    state = PanelState(Oled(DisplaySettings(), bus=module), Renderer())
    assert state.show(SCENE, Brightness.ASLEEP, (0, 0))
    assert set(seen) == {None}
    assert not module.on
    assert state.show(SCENE, Brightness.AWAKE, (0, 0)) is None
    assert pixels(module.image) == pixels(Renderer().draw(SCENE))
