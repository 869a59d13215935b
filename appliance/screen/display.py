"""Display thread: draws the newest scene and reopens a lost panel."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

import msgspec
from PIL import Image

from appliance.core.events import Post, ScreenFailed, ScreenRecovered
from appliance.core.faults import Fault
from appliance.screen.burn_in import Brightness, IdleTimer, drift
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Scene
from appliance.settings.schema import DisplaySettings
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

END_TIMEOUT = 5.0
"""Seconds for the last picture; a bus that hangs must not keep the program from ending."""


class PanelState:
    """What an open panel shows, so that nothing is sent to it twice.

    Args:
        panel: just opened, awake.
        renderer: draws for it.
    """

    def __init__(self, panel: Panel, renderer: Renderer) -> None:
        self.panel = panel
        self._renderer = renderer
        self._brightness = Brightness.AWAKE
        self._drawn: tuple[Scene, tuple[int, int]] | None = None
        self._pixels = b""

    def show(
        self, scene: Scene, brightness: Brightness, shift: tuple[int, int]
    ) -> Image.Image | None:
        """Show the scene moved by `shift` pixels; return its picture if it is a new one.

        A sleeping panel is only sent the first picture since it was opened, as a proof that it
        could be woken. A panel that wakes has the new picture on it already.

        Raises:
            PanelError: the panel is gone.
        """
        new = None
        if brightness is Brightness.ASLEEP:
            self._set_brightness(brightness)
        if self._drawn is None or brightness is not Brightness.ASLEEP:
            new = self._draw(scene, shift)
        self._set_brightness(brightness)
        return new

    def _draw(self, scene: Scene, shift: tuple[int, int]) -> Image.Image | None:
        if self._drawn == (scene, shift):
            return None
        picture = self._renderer.draw(scene, shift)
        self._drawn = (scene, shift)
        if picture.tobytes() == self._pixels:
            return None
        self.panel.show(scene, picture)
        self._pixels = picture.tobytes()
        return picture

    def _set_brightness(self, brightness: Brightness) -> None:
        if brightness is not self._brightness:
            self.panel.set_brightness(brightness)
            self._brightness = brightness


class Display:
    """Output for scenes on a panel that may be missing, pulled out and put back.

    The panel dims and sleeps while nothing happens, and the picture moves by a pixel now and then,
    so that none burns in.

    Posts ScreenFailed once when the panel is gone, and ScreenRecovered with the first picture after
    that or after the start; neither for the driver "none". Only the thread "display" uses the
    panel, from `start` to `end`.

        display = Display(DisplaySettings(), post)
        display.start()
        display.show(Scene(Mode.READY))
        display.end()

    Args:
        settings: the panel and its type.
        post: takes the events, on the display's thread.
        open_panel: opens the panel; returns None where there is none.
        clock: monotonic seconds.
        retry_interval: seconds between two attempts to open a missing panel.
        check_interval: seconds without a new picture after which the panel is checked.

    Attributes:
        busy_timer: times the calls of the thread into the panel, whose bus may hang.
        frames: pictures shown so far.
    """

    def __init__(
        self,
        settings: DisplaySettings,
        post: Post,
        *,
        open_panel: Callable[[DisplaySettings], Panel | None] = open_panel,
        clock: Callable[[], float] = time.monotonic,
        retry_interval: float = 1.0,
        check_interval: float = 1.0,
    ) -> None:
        self._settings = settings
        self._post = post
        self._open_panel = open_panel
        self._clock = clock
        self._retry_interval = retry_interval
        self._check_interval = check_interval
        self._began_at = clock()
        self._renderer = Renderer.for_settings(settings)
        self._idle_timer = IdleTimer(settings)
        self.busy_timer = BusyTimer("display")
        self.frames = 0
        self._changed = threading.Condition()
        self._newest: Scene | None = None
        self._ending = False
        self._fault: Fault | None = None
        self._failed = False
        self._answered = threading.Event()
        self._picture: Image.Image | None = None
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    @property
    def picture(self) -> Image.Image | None:
        """The last picture shown (mode "1"); None before the first one."""
        return self._picture

    def start(self) -> None:
        """Start the thread, which opens the panel."""
        self._thread.start()

    def show(self, scene: Scene) -> None:
        """Show this scene as soon as the panel is free; only the newest is drawn."""
        with self._changed:
            # Most events change nothing that can be seen.
            if scene != self._newest:
                self._newest = scene
                self._changed.notify()

    def wait_for_picture(self, timeout: float) -> None:
        """Wait until a picture is shown or there is no panel, for `timeout` seconds at most."""
        self._answered.wait(timeout)

    def end(self, last: Scene | None = None) -> None:
        """Show a last scene that stays, or leave the panel dark; wait for the thread."""
        with self._changed:
            self._newest = last
            self._ending = True
            self._changed.notify()
        self._thread.join(END_TIMEOUT)
        if self._thread.is_alive():
            log.error("the panel's bus hangs; the panel keeps what it shows")

    def _run(self) -> None:
        while True:
            try:
                with self.busy_timer:
                    panel = self._open_panel(self._settings)
                if panel is None:
                    self._answered.set()
                    self._wait_for_end()
                    return
                with contextlib.closing(panel):
                    self._show_until_end(PanelState(panel, self._renderer))
                    return
            except PanelError as error:
                self._report_failed(error.fault)
            if self._wait_for_end(self._retry_interval):
                return

    def _show_until_end(self, state: PanelState) -> None:
        scene, ending = None, False
        while not ending:
            before = scene
            scene, ending = self._wait_for_other_than(before)
            with self.busy_timer:
                if scene:
                    self._update(state, scene)
                if scene is before and not ending:
                    state.panel.check()
        if scene is None:
            with self.busy_timer:
                state.panel.clear()

    def _update(self, state: PanelState, scene: Scene) -> None:
        if scene.fault == self._fault:
            # The fault that the screen is broken makes no sense on a screen that works.
            scene = msgspec.structs.replace(scene, fault=None)
        now = self._clock()
        brightness = self._idle_timer.brightness(scene, now)
        if picture := state.show(scene, brightness, drift(now - self._began_at)):
            self._report_shown(picture)

    def _wait_for_other_than(self, shown: Scene | None) -> tuple[Scene | None, bool]:
        """Wait for a new scene, the end, or the time to check; return newest scene and end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ending or self._newest not in (None, shown),
                timeout=self._check_interval,
            )
            return self._newest, self._ending

    def _wait_for_end(self, timeout: float | None = None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._ending, timeout)

    def _report_failed(self, fault: Fault) -> None:
        self._answered.set()
        if not self._failed:
            self._failed, self._fault = True, fault
            log.warning("%s", fault)
            self._post(ScreenFailed(fault))

    def _report_shown(self, picture: Image.Image) -> None:
        if self._failed or self._picture is None:
            log.info("the screen shows pictures")
            self._post(ScreenRecovered())
        self._failed = False
        self._picture = picture
        self.frames += 1
        self._answered.set()
