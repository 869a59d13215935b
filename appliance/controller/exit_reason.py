"""Why the controller is to leave, once it may: the most urgent of all that asked for it."""

from appliance.core import events
from appliance.core.events import Event

URGENCY = (
    events.SettingsChanged,
    events.PowerOffRequested,
    events.StopRequested,
    events.UnhandledError,
    events.PartHung,
)
"""Reasons, the most urgent last."""

FINAL = (events.PowerOffRequested, events.StopRequested)
"""Reasons that finish a session; new settings wait until a person does."""

BROKEN = (events.UnhandledError, events.PartHung)
"""Reasons that cut a session off: it goes on in a program that starts afresh."""


class ExitReason:
    """The reason to leave, if there is one."""

    def __init__(self) -> None:
        self.reason: Event | None = None

    def add(self, event: Event) -> None:
        """Take note of a reason; it counts if it is more urgent than the one there is."""
        if self.reason is None or _urgency(event) > _urgency(self.reason):
            self.reason = event

    @property
    def immediate(self) -> bool:
        """Whether nothing can be brought to its end any more."""
        return isinstance(self.reason, BROKEN)

    @property
    def final(self) -> bool:
        """Whether no session may begin any more."""
        return isinstance(self.reason, FINAL)

    @property
    def powers_off(self) -> bool:
        """Whether the box is switched off afterwards."""
        return isinstance(self.reason, events.PowerOffRequested)


def _urgency(event: Event) -> int:
    return URGENCY.index(type(event))
