"""Current faults by part, the most important first."""

from collections.abc import Iterator

from appliance.core import events
from appliance.core.events import Event
from appliance.core.faults import Fault, Part

BY_IMPORTANCE = (
    Part.POWER,
    Part.SETTINGS,
    Part.MICROPHONE,
    Part.LOSS,
    Part.SESSION,
    Part.BUTTON,
    Part.SPOOL,
    Part.HISTORY,
    Part.STATUS_LED,
    Part.SCREEN,
)
"""Parts whose faults are shown, what keeps words from being heard first."""

MINOR = (Part.BROKER,)
"""Parts whose faults keep nothing from being heard or read: shown only as a remark."""

PREVENT_SESSION = {Part.MICROPHONE, Part.BUTTON}
"""Parts without which a press would be useless."""


class FaultList:
    """Current faults, at most one of each part.

    >>> faults = FaultList()
    >>> faults.report(Part.HISTORY, Fault("Can't save"))
    >>> faults.report(Part.SESSION, Fault("No network"))
    >>> faults.worst.what
    'No network'
    """

    def __init__(self) -> None:
        self._by_part: dict[Part, Fault] = {}
        self._held = False

    def hold(self) -> None:
        """Note that no session begins before the settings are corrected."""
        self._held = True

    def report(self, part: Part, fault: Fault) -> None:
        """Take the fault of a part; it replaces an earlier one."""
        self._by_part[part] = fault

    def handle(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table: one line an event
        """Note the fault or the recovery that an event reports, if any."""
        match event:
            case events.ButtonStuck():
                self.report(Part.BUTTON, Fault("Button is stuck", "let go, or check it"))
            case events.ButtonFailed():
                self.report(Part.BUTTON, event.fault)
            case events.ButtonReady() | events.Released():
                self.clear(Part.BUTTON)
            case events.Pressed():
                self.clear(Part.BUTTON, Part.POWER)
            case events.MicrophoneFailed() | events.MicrophoneDoubted():
                self.report(Part.MICROPHONE, event.fault)
            case events.MicrophoneOpened() | events.MicrophoneTrusted():
                self.clear(Part.MICROPHONE)
            case events.SpoolFailed():
                self.report(Part.SPOOL, event.fault)
            case events.SpoolRecovered():
                self.clear(Part.SPOOL)
            case events.AudioDropped():
                self.report(
                    Part.LOSS, Fault("Backlog is full", "check the network: words get lost")
                )
            case events.HistoryFailed():
                self.report(Part.HISTORY, event.fault)
            case events.HistoryRecovered():
                self.clear(Part.HISTORY)
            case events.PowerOffFailed():
                self.report(Part.POWER, event.fault)
            case events.BrokerFailed():
                self.report(Part.BROKER, event.fault)
            case events.BrokerRecovered():
                self.clear(Part.BROKER)
            case events.StatusLedFailed():
                self.report(Part.STATUS_LED, event.fault)
            case events.StatusLedReady():
                self.clear(Part.STATUS_LED)
            case events.ScreenFailed():
                self.report(Part.SCREEN, event.fault)
            case events.ScreenRecovered():
                self.clear(Part.SCREEN)

    def clear(self, *parts: Part) -> None:
        """Note that parts have no fault any more."""
        for part in parts:
            self._by_part.pop(part, None)

    def __contains__(self, part: Part) -> bool:
        return part in self._by_part

    def __iter__(self) -> Iterator[tuple[Part, Fault]]:
        parts = (*BY_IMPORTANCE, *MINOR)
        return ((part, self._by_part[part]) for part in parts if part in self._by_part)

    @property
    def worst(self) -> Fault | None:
        """The most important fault, if any."""
        return next((fault for part, fault in self if part in BY_IMPORTANCE), None)

    @property
    def minor(self) -> Fault | None:
        """The fault to remark on while there is room, if any."""
        return next((fault for part, fault in self if part in MINOR), None)

    @property
    def prevents_session(self) -> bool:
        """Whether a press would be useless."""
        return self._held or not PREVENT_SESSION.isdisjoint(self._by_part)
