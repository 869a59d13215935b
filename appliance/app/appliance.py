"""The whole appliance: first the display, so that the box says something; then all the rest."""

import queue
import typing
from collections.abc import Callable
from pathlib import Path

from appliance.core.events import (
    Event,
    Fault,
    PartHung,
    Post,
    PowerOffRequested,
    StopRequested,
    UnhandledError,
)
from appliance.screen import texts
from appliance.screen.display import Display
from appliance.screen.panels.base import Panel
from appliance.screen.panels.factory import open_panel
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings
from appliance.system.supervision import end_soon
from appliance.system.systemd import Watchdog, notify

if typing.TYPE_CHECKING:
    from gpiozero.pins import Factory

    from appliance.hardware.portaudio import Audio

STOPPING = Scene(Mode.STOPPING)

FIRST_PICTURE = 3.0
"""Seconds for the first picture: a session that goes on after a crash shall not start unseen."""


class Appliance:
    """The whole appliance, as the settings want it.

    `source` is the file that they come from. `audio`, `pin_factory` and `open_panel` stand where
    hardware may be simulated.
    """

    def __init__(
        self,
        settings: Settings,
        source: Path | None = None,
        *,
        audio: "Callable[[], Audio] | None" = None,
        pin_factory: "Factory | None" = None,
        open_panel: Callable[[DisplaySettings], Panel | None] = open_panel,
    ) -> None:
        # Unbounded: nothing may be dropped, and the controller outruns all who post. Chunks come
        # ten times a second, and the service's messages as fast as the network brings them.
        self._inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.post: Post = self._inbox.put
        self._settings = settings
        self._source = source
        self._audio = audio
        self._pin_factory = pin_factory
        self._display = Display(settings.display, self.post, open_panel=open_panel)

    def run(self, fault: Fault | None = None) -> Event:
        """Work until an event asks to stop; return that event.

        `fault` is what is wrong with the settings, if anything is.
        """
        self._display.start()
        last: Scene | None = None
        try:
            self._display.show(Scene(Mode.STARTING))
            reason = self._work(fault)
            last = _last_scene(reason)
        finally:
            self._display.end(last)
        return reason

    def _work(self, fault: Fault | None) -> Event:
        self._display.wait_for_picture(FIRST_PICTURE)
        # Loaded only now: it takes seconds on a Zero, and would slow down the first picture, even
        # on another thread.
        from appliance.app.wiring import Parts  # noqa: PLC0415 - see above

        parts = Parts(
            self._settings,
            self._inbox,
            self._display,
            audio=self._audio,
            pin_factory=self._pin_factory,
            source=self._source,
        )
        with parts:
            reason = parts.work(fault)
            # The loop that feeds it has ended, and what now ends takes a while.
            Watchdog().feed()
            if isinstance(reason, StopRequested):
                notify("STOPPING=1")
            if isinstance(reason, StopRequested | PowerOffRequested):
                notify(f"STATUS={texts.sentence(STOPPING)}")
                self._display.show(STOPPING)
            if isinstance(reason, PartHung | UnhandledError):
                end_soon()
        return reason


def _last_scene(reason: Event) -> Scene | None:
    """Return what stays on the display; nothing where only this program ends."""
    from appliance.system.power import is_shutting_down  # noqa: PLC0415 - needed at the end

    switching_off = isinstance(reason, PowerOffRequested) or (
        isinstance(reason, StopRequested) and is_shutting_down()
    )
    return STOPPING if switching_off else None
