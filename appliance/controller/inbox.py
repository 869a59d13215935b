"""Inbox of the controller: events in their order, but the end of the program before a flood."""

import contextlib
import queue

from appliance.controller.exit_reason import EXIT_EVENTS
from appliance.core.events import Event

FLOOD = 100
"""Events that wait behind each other only if somebody sends more than the controller can do."""


class Inbox(queue.SimpleQueue[Event]):
    """Queue of events, for any thread and for handlers of signals.

    What asks to exit overtakes the others once more than `FLOOD` events wait. The turns among those
    are not lost: nothing of their audio is deleted before they are saved.

        >>> from appliance.core.events import Released, StopRequested
        >>> inbox = Inbox()
        >>> for _ in range(FLOOD + 1):
        ...     inbox.put(Released())
        >>> inbox.put(StopRequested())
        >>> inbox.get()
        StopRequested()
    """

    def __init__(self) -> None:
        super().__init__()
        self._exits: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def put(self, item: Event, block: bool = True, timeout: float | None = None) -> None:
        """Add an event; never blocks."""
        if isinstance(item, EXIT_EVENTS):
            self._exits.put(item)
        super().put(item, block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Event:
        """Return the next event.

        Raises:
            queue.Empty: there is none within `timeout` seconds.
        """
        if self.qsize() > FLOOD:
            with contextlib.suppress(queue.Empty):
                return self._exits.get_nowait()
        item = super().get(block, timeout)
        if isinstance(item, EXIT_EVENTS):
            with contextlib.suppress(queue.Empty):
                self._exits.get_nowait()
        return item
