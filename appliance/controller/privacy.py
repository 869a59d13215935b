"""Privacy guard: whether the screen or the status LED shows that the microphone is open."""

from collections.abc import Callable

from appliance.core import events
from appliance.core.events import Event
from appliance.core.faults import Part

DARK_TIMEOUT = 60.0
"""Seconds that a session may go on while nothing shows it."""


class PrivacyGuard:
    """The outputs that work: the screen, the status LED, both or neither.

    Each counts from its first picture, or its first flash, until it fails.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._working: set[Part] = set()
        self._dark_since = clock()

    def handle(self, event: Event) -> None:
        """Note whether the screen or the status LED works."""
        match event:
            case events.ScreenRecovered():
                self._working.add(Part.SCREEN)
            case events.StatusLedReady():
                self._working.add(Part.STATUS_LED)
            case events.ScreenFailed():
                self._note_failure(Part.SCREEN)
            case events.StatusLedFailed():
                self._note_failure(Part.STATUS_LED)

    @property
    def shown(self) -> bool:
        """Whether anything shows that the microphone is open."""
        return bool(self._working)

    @property
    def dark_too_long(self) -> bool:
        """Whether nothing has shown it for so long that the session must end."""
        return not self.shown and self._clock() - self._dark_since > DARK_TIMEOUT

    def _note_failure(self, part: Part) -> None:
        self._working.discard(part)
        self._dark_since = self._clock()
