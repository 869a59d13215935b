"""The faults there are at this moment, the most important first."""

from collections.abc import Iterator

from appliance.core import events
from appliance.core.events import Event, Fault
from appliance.core.parts import Part

WEIGHT = (
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
"""Whose fault is shown when there are several: what keeps words from being heard comes first."""

ASIDE = (Part.BROKER,)
"""Whose fault neither keeps words from being heard nor from being read: it is but remarked on."""

PREVENT_SESSION = {Part.MICROPHONE, Part.BUTTON}
"""Parts without which a press begins nothing worth keeping."""


class FaultList:
    """At most one fault of each part."""

    def __init__(self) -> None:
        self._by_part: dict[Part, Fault] = {}

    def report(self, part: Part, fault: Fault) -> None:
        """Take the fault of a part, in place of an earlier one."""
        self._by_part[part] = fault

    def handle(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table: one line an event
        """Note what an event says of a part's health, if anything."""
        match event:
            case events.ButtonStuck():
                self.report(Part.BUTTON, Fault("Button is stuck", "let go, or check it"))
            case events.ButtonFailed():
                self.report(Part.BUTTON, event.fault)
            case events.ButtonReady() | events.Released():
                self.clear(Part.BUTTON)
            case events.Pressed():
                self.clear(Part.BUTTON, Part.POWER)
            case events.MicrophoneFailed():
                self.report(Part.MICROPHONE, event.fault)
            case events.MicrophoneOpened():
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
        """Note that parts are well."""
        for part in parts:
            self._by_part.pop(part, None)

    def __contains__(self, part: Part) -> bool:
        return part in self._by_part

    def __iter__(self) -> Iterator[tuple[Part, Fault]]:
        parts = (*WEIGHT, *ASIDE)
        return ((part, self._by_part[part]) for part in parts if part in self._by_part)

    @property
    def worst(self) -> Fault | None:
        """The fault to show, if any."""
        return next((fault for part, fault in self if part in WEIGHT), None)

    @property
    def aside(self) -> Fault | None:
        """The fault to remark on while nothing else is to be said, if any."""
        return next((fault for part, fault in self if part in ASIDE), None)

    @property
    def prevents_session(self) -> bool:
        """Whether a press would begin nothing worth keeping."""
        return not PREVENT_SESSION.isdisjoint(self._by_part)
