"""The thread that shows scenes: draws the newest one and keeps the panel alive."""

import contextlib
import io
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
from PIL import Image

from appliance.core.events import Fault, Post, ScreenFailed, ScreenRecovered
from appliance.screen.burn_in import IdleTimer, drift
from appliance.screen.glass import Glass
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.panels.terminal import LinesPanel, TerminalPanel
from appliance.screen.render.renderer import View
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


def open_panel(settings: DisplaySettings, *, bus: Any = None) -> Panel | None:  # noqa: ANN401 - smbus2 ships no types
    """Open the panel of the settings; none for the driver "none".

    The driver "terminal" shows pictures on standard output, plain lines where that is no terminal.

    Args:
        settings: the driver, how it is connected, its size.
        bus: an open I2C bus like smbus2.SMBus to use instead of /dev/i2c-N.

    Raises:
        PanelError: the panel does not answer, or the settings do not fit it.
    """
    if settings.driver == "none":
        return None
    if settings.driver == "terminal":
        return standard_output()
    from appliance.screen.panels.oled import Oled  # noqa: PLC0415 - luma takes a second to load on a Zero

    return Oled(settings, bus=bus)


def standard_output(caption: Callable[[], str] = str) -> Panel:
    """Return a panel on standard output: pictures in a terminal, plain lines elsewhere.

    `caption` returns a line to stand below the pictures.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every locale knows every letter
    if sys.stdout.isatty():
        return TerminalPanel(sys.stdout, caption)
    return LinesPanel(sys.stdout)


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
        activity: what the thread is at; a bus may hang.
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
        self._view = View.of(settings)
        self._watch = IdleTimer(settings)
        self.activity = BusyTimer("display")
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
                with self.activity:
                    panel = self._open_panel(self._settings)
                if panel is None:
                    self._answered.set()
                    self._wait_for_end()
                    return
                with contextlib.closing(panel):
                    self._show_until_end(Glass(panel, self._view))
                    return
            except PanelError as error:
                self._tell_failed(error.fault)
            if self._wait_for_end(RETRY):
                return

    def _show_until_end(self, glass: Glass) -> None:
        scene, ending = None, False
        while not ending:
            before = scene
            scene, ending = self._wait_for_other_than(before)
            with self.activity:
                if scene:
                    self._bring_up_to_date(glass, scene)
                if scene is before and not ending:
                    glass.panel.check()
        if scene is None:
            with self.activity:
                glass.panel.clear()

    def _bring_up_to_date(self, glass: Glass, scene: Scene) -> None:
        if scene.fault == self._fault:
            # Whoever can read it need not be told that nothing can be read.
            scene = msgspec.structs.replace(scene, fault=None)
        now = self._clock()
        light = self._watch.light(scene, now)
        if picture := glass.show(scene, light, drift(now - self._began)):
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
