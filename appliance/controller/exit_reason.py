"""Reason to end the event loop: the most urgent event that asked for it."""

from appliance.core import events
from appliance.core.events import Event

EXIT_EVENTS = (
    events.SettingsChanged,
    events.PowerOffRequested,
    events.StopRequested,
    events.UnhandledError,
    events.PartHung,
)
"""Events that end the loop, the most urgent last."""

FINAL = (events.PowerOffRequested, events.StopRequested)
"""Events that finish the live session; new settings wait for its end."""

IMMEDIATE = (events.UnhandledError, events.PartHung)
"""Events that cut the live session off; it goes on when the program has restarted."""


class ExitReason:
    """The most urgent exit event so far, if any.

    >>> exit_reason = ExitReason()
    >>> exit_reason.add(events.StopRequested())
    >>> exit_reason.add(events.SettingsChanged())
    >>> exit_reason.reason
    StopRequested()
    """

    def __init__(self) -> None:
        self.reason: Event | None = None

    def add(self, event: Event) -> None:
        """Take an exit event; it replaces the present reason if it is more urgent."""
        if self.reason is None or _urgency(event) > _urgency(self.reason):
            self.reason = event

    @property
    def immediate(self) -> bool:
        """Whether the loop ends without finishing the live session."""
        return isinstance(self.reason, IMMEDIATE)

    @property
    def final(self) -> bool:
        """Whether no session may begin any more."""
        return isinstance(self.reason, FINAL)

    @property
    def powers_off(self) -> bool:
        """Whether the box is switched off afterwards."""
        return isinstance(self.reason, events.PowerOffRequested)


def _urgency(event: Event) -> int:
    return EXIT_EVENTS.index(type(event))
