"""The thread that shows scenes: draws the newest one and keeps the panel alive."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

import msgspec
from PIL import Image

from appliance.core.events import Fault, Post, ScreenFailed, ScreenRecovered
from appliance.screen.burn_in import Brightness, IdleTimer, drift
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.factory import open_panel
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Scene
from appliance.settings.schema import DisplaySettings
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds from one try to open a missing panel to the next."""

LONGEST_END = 5.0
"""Seconds for the last picture."""

CHECK = 1.0
"""Seconds without a new picture after which the panel is asked whether it is still there."""


class PanelState:
    """A panel that was just opened, and what it was told since then.

    Args:
        panel: the panel, awake.
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
        """Show the scene moved by `shift`; return its picture if it is a new one.

        A panel that sleeps is shown its first picture alone, which proves that it could be woken;
        one that wakes has the new picture on it already.

        Raises:
            PanelError: the panel is gone.
        """
        new = None
        if brightness is Brightness.ASLEEP:
            self._shine(brightness)
        if self._drawn is None or brightness is not Brightness.ASLEEP:
            new = self._draw(scene, shift)
        self._shine(brightness)
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

    def _shine(self, brightness: Brightness) -> None:
        if brightness is not self._brightness:
            self.panel.set_brightness(brightness)
            self._brightness = brightness


class Display:
    """Shows scenes on a panel that may be missing, pulled out and put back.

    Lets it dim and sleep while nothing happens, and the picture wander, so that none burns in.

    Posts ScreenFailed once when the panel is gone and ScreenHealed with the first picture shown
    after that, or after the start; neither where the driver is "none". The thread "display" alone
    touches the panel, from `start` to `end`.

    Args:
        settings: the panel and its type.
        post: takes the events, on the display's thread.
        open_panel: opens the panel; returns None where there is none to show anything on.
        clock: monotonic seconds.

    Attributes:
        busy_timer: what the thread is at; a bus may hang.
        frames: how many pictures were shown.
    """

    def __init__(
        self,
        settings: DisplaySettings,
        post: Post,
        *,
        open_panel: Callable[[DisplaySettings], Panel | None] = open_panel,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._post = post
        self._open_panel = open_panel
        self._clock = clock
        self._began = clock()
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
        """The last picture shown (mode "1"); None as long as there was none."""
        return self._picture

    def start(self) -> None:
        """Open the panel, and show what `show` is given."""
        self._thread.start()

    def show(self, scene: Scene) -> None:
        """Show this scene as soon as the panel is free; only the newest is drawn."""
        with self._changed:
            # Most events change nothing that can be seen.
            if scene != self._newest:
                self._newest = scene
                self._changed.notify()

    def wait_for_picture(self, timeout: float) -> None:
        """Wait until a picture was shown or there is no panel, but no longer than `timeout`."""
        self._answered.wait(timeout)

    def end(self, last: Scene | None = None) -> None:
        """Show a last scene and leave it standing, or leave the panel dark; wait for the thread.

        A bus that hangs must not keep the program from ending.
        """
        with self._changed:
            self._newest = last
            self._ending = True
            self._changed.notify()
        self._thread.join(LONGEST_END)
        if self._thread.is_alive():
            log.error("the panel's bus hangs, so the panel can't be left as it should be")

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
                self._tell_failed(error.fault)
            if self._wait_for_end(RETRY):
                return

    def _show_until_end(self, state: PanelState) -> None:
        scene, ending = None, False
        while not ending:
            before = scene
            scene, ending = self._wait_for_other_than(before)
            with self.busy_timer:
                if scene:
                    self._bring_up_to_date(state, scene)
                if scene is before and not ending:
                    state.panel.check()
        if scene is None:
            with self.busy_timer:
                state.panel.clear()

    def _bring_up_to_date(self, state: PanelState, scene: Scene) -> None:
        if scene.fault == self._fault:
            # Whoever can read it need not be told that nothing can be read.
            scene = msgspec.structs.replace(scene, fault=None)
        now = self._clock()
        brightness = self._idle_timer.brightness(scene, now)
        if picture := state.show(scene, brightness, drift(now - self._began)):
            self._tell_shown(picture)

    def _wait_for_other_than(self, shown: Scene | None) -> tuple[Scene | None, bool]:
        """Wait for a new scene, the end, or the time to check; return newest scene and end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ending or self._newest not in (None, shown), timeout=CHECK
            )
            return self._newest, self._ending

    def _wait_for_end(self, timeout: float | None = None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._ending, timeout)

    def _tell_failed(self, fault: Fault) -> None:
        self._answered.set()
        if not self._failed:
            self._failed, self._fault = True, fault
            log.warning("%s", fault)
            self._post(ScreenFailed(fault))

    def _tell_shown(self, picture: Image.Image) -> None:
        if self._failed or self._picture is None:
            log.info("the screen shows pictures")
            self._post(ScreenRecovered())
        self._failed = False
        self._picture = picture
        self.frames += 1
        self._answered.set()
