"""The whole appliance: the display, which shows something at once, then everything else."""

import typing
from collections.abc import Callable
from pathlib import Path

from appliance.app.card_wait import EndedError
from appliance.app.probation import Probation
from appliance.controller.inbox import Inbox
from appliance.core.events import (
    Event,
    PartHung,
    Post,
    PowerOffRequested,
    StopRequested,
    UnhandledError,
)
from appliance.core.faults import Fault
from appliance.core.late_imports import import_lock
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

FIRST_PICTURE_TIMEOUT = 3.0
"""Seconds to wait for the first picture, without which an interrupted session can't go on."""


class Appliance:
    """The whole appliance.

        appliance = Appliance(load(path), path)
        reason = appliance.run()  # returns when an event asks to end, as StopRequested does

    Args:
        settings: all settings.
        source: the file that the settings come from.
        audio: returns PortAudio, or a simulation of it.
        pin_factory: a simulation of the GPIO pins; None for those of the machine.
        open_panel: opens the panel, or a simulation of it.

    Attributes:
        post: puts an event into the controller's queue; for any thread.
        probation: whether the settings have served.
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
        # Unbounded: no event may be dropped, and the controller is faster than all who post.
        self._inbox = Inbox()
        self._early_end: Event | None = None
        self.post: Post = self._put
        self._settings = settings
        self._source = source
        self.probation = Probation()
        self._audio = audio
        self._pin_factory = pin_factory
        self._display = Display(settings.display, self.post, open_panel=open_panel)

    def _put(self, event: Event) -> None:
        if isinstance(event, StopRequested | UnhandledError):
            self._early_end = event  # before there is a controller that would take it
        self._inbox.put(event)

    def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
        """Run until an event asks to end; return that event.

        Args:
            fault: a mistake in the settings, to be shown.
            held: whether the owner's settings are not known: then the box talks to nobody.
        """
        self._display.start()
        last: Scene | None = None
        try:
            self._display.show(Scene(Mode.STARTING))
            reason = self._run_parts(fault, held=held)
            last = _last_scene(reason)
        finally:
            self._display.end(last)
        return reason

    def _run_parts(self, fault: Fault | None, *, held: bool) -> Event:
        self._display.wait_for_picture(FIRST_PICTURE_TIMEOUT)
        # Loaded only now: it takes seconds on a Pi Zero, and would delay the first picture even on
        # another thread.
        with import_lock:
            from appliance.app.wiring import Parts  # noqa: PLC0415 - see above

        parts = Parts(
            self._settings,
            self._inbox,
            self._display,
            audio=self._audio,
            pin_factory=self._pin_factory,
            source=self._source,
            probation=self.probation,
        )
        with parts:
            try:
                reason = parts.run_controller(fault, held=held, ends=lambda: self._early_end)
            except EndedError:
                reason = self._early_end or StopRequested()
            # The loop that feeds the watchdog has ended, and the parts take a while to end.
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
    """Return the scene that stays on the display; None where only this program ends."""
    with import_lock:
        from appliance.system.power import is_shutting_down  # noqa: PLC0415 - needed at the end

    powering_off = isinstance(reason, PowerOffRequested) or (
        isinstance(reason, StopRequested) and is_shutting_down()
    )
    return STOPPING if powering_off else None
