"""Gate before each session: whether one may begin now, later, or not at all."""

import logging

from appliance.controller.exit_reason import ExitReason
from appliance.controller.privacy import PrivacyGuard
from appliance.core import events
from appliance.core.events import Event
from appliance.core.faults import Part
from appliance.settings import Settings

log = logging.getLogger(__name__)


class StartGate:
    """Gate before each session, closed until all parts that a session needs have answered.

    These are the button, the microphone, and what shows that it is open: the screen or the status
    LED, the first that works, or none if none does. A part that reports a fault has answered, too.

    Args:
        settings: which of the screen and the status LED there are.
        privacy: whether one of them works.
        exit_reason: whether the program is about to end.
    """

    def __init__(self, settings: Settings, privacy: PrivacyGuard, exit_reason: ExitReason) -> None:
        self._privacy = privacy
        self._exit = exit_reason
        self._silent = {Part.BUTTON, Part.MICROPHONE}
        self._dark: set[Part] = set()
        if settings.display.driver != "none":
            self._dark.add(Part.SCREEN)
        if settings.light.pin != "none":
            self._dark.add(Part.STATUS_LED)
        self._held_back = False
        self._held = False

    def hold(self) -> None:
        """Admit no session at all, since the owner's settings are not known."""
        self._held = True

    def handle(self, event: Event) -> None:
        """Note that a part works or failed."""
        match event:
            case events.ButtonReady() | events.ButtonFailed():
                self._silent.discard(Part.BUTTON)
            case events.MicrophoneReady() | events.MicrophoneFailed():
                self._silent.discard(Part.MICROPHONE)
            case events.ScreenRecovered() | events.StatusLedReady():
                self._dark.clear()
            case events.ScreenFailed():
                self._dark.discard(Part.SCREEN)
            case events.StatusLedFailed():
                self._dark.discard(Part.STATUS_LED)

    @property
    def open(self) -> bool:
        """Whether all parts have answered; once they have, it stays open."""
        return not (self._silent or self._dark)

    def admits(self) -> bool:
        """Return whether a session may begin now; one that comes too early is held back."""
        if self._exit.final:
            log.info("no session begins: the program is about to end")
        elif self._held:
            log.warning("no session begins: correct the settings first")
        elif not self.open:
            log.info("a session begins as soon as everything has started")
            self._held_back = True
        elif not self._privacy.shown:
            log.warning("no session begins: nothing can show that the microphone is open")
        else:
            return True
        return False

    def cancel(self) -> None:
        """Forget the session that was held back."""
        self._held_back = False

    def take_held_back(self) -> bool:
        """Return, once, whether a session that was held back is to begin now."""
        due = self._held_back and self.open
        self._held_back = self._held_back and not due
        return due
