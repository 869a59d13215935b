"""The faults there are at this moment, the most important first."""

from collections.abc import Iterator

from appliance.core import events
from appliance.core.events import Event, Fault

WEIGHT = (
    "power",
    "settings",
    "microphone",
    "loss",
    "session",
    "button",
    "spool",
    "history",
    "light",
    "screen",
)
"""Whose fault is shown when there are several: what keeps words from being heard comes first."""

ASIDE = ("broker",)
"""Whose fault neither keeps words from being heard nor from being read: it is but remarked on."""

HINDRANCES = {"microphone", "button"}
"""Parts without which a press begins nothing worth keeping."""


class FaultList:
    """At most one fault of each part."""

    def __init__(self) -> None:
        self._by_part: dict[str, Fault] = {}

    def tell(self, part: str, fault: Fault) -> None:
        """Note that a part has a fault, in place of an earlier one."""
        self._by_part[part] = fault

    def handle(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table: one line an event
        """Note what an event says of a part's health, if anything."""
        match event:
            case events.ButtonStuck():
                self.tell("button", Fault("Button is stuck", "let go, or check it"))
            case events.ButtonFailed():
                self.tell("button", event.fault)
            case events.ButtonReady() | events.Released():
                self.clear("button")
            case events.Pressed():
                self.clear("button", "power")
            case events.MicrophoneFailed():
                self.tell("microphone", event.fault)
            case events.MicrophoneOpened():
                self.clear("microphone")
            case events.SpoolFailed():
                self.tell("spool", event.fault)
            case events.SpoolRecovered():
                self.clear("spool")
            case events.AudioDropped():
                self.tell("loss", Fault("Backlog is full", "check the network: words get lost"))
            case events.HistoryFailed():
                self.tell("history", event.fault)
            case events.HistoryRecovered():
                self.clear("history")
            case events.PowerOffFailed():
                self.tell("power", event.fault)
            case events.BrokerFailed():
                self.tell("broker", event.fault)
            case events.BrokerRecovered():
                self.clear("broker")
            case events.LightFailed():
                self.tell("light", event.fault)
            case events.LightReady():
                self.clear("light")
            case events.ScreenFailed():
                self.tell("screen", event.fault)
            case events.ScreenRecovered():
                self.clear("screen")

    def clear(self, *parts: str) -> None:
        """Note that parts are well."""
        for part in parts:
            self._by_part.pop(part, None)

    def __contains__(self, part: str) -> bool:
        return part in self._by_part

    def __iter__(self) -> Iterator[tuple[str, Fault]]:
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
    def hinder(self) -> bool:
        """Whether a press would begin nothing worth keeping."""
        return not HINDRANCES.isdisjoint(self._by_part)
