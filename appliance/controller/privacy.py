"""Whether anything shows that the microphone is open: nobody shall be heard without knowing."""

from collections.abc import Callable

from appliance.core import events
from appliance.core.events import Event
from appliance.core.parts import Part

DARK_TIME = 60.0
"""Seconds for something to show a session again before one that nothing shows is ended."""


class PrivacyGuard:
    """What shows at this moment what the appliance does: the display, the light, both or neither.

    Each counts from its first picture, or its first light, until it fails.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._shown_by: set[Part] = set()
        self._dark_since = clock()

    def handle(self, event: Event) -> None:
        """Note what an event says of the display or the light."""
        match event:
            case events.ScreenRecovered():
                self._shown_by.add(Part.SCREEN)
            case events.StatusLedReady():
                self._shown_by.add(Part.STATUS_LED)
            case events.ScreenFailed():
                self._note_dark(Part.SCREEN)
            case events.StatusLedFailed():
                self._note_dark(Part.STATUS_LED)

    @property
    def shown(self) -> bool:
        """Whether anything shows that the microphone is open."""
        return bool(self._shown_by)

    @property
    def dark_too_long(self) -> bool:
        """Whether nothing has shown anything for so long that a session must end."""
        return not self._shown_by and self._clock() - self._dark_since > DARK_TIME

    def _note_dark(self, by: Part) -> None:
        self._shown_by.discard(by)
        self._dark_since = self._clock()
