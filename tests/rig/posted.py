"""Recorder of the events that a part posts, for a test to wait for."""

import threading
from typing import TypeVar

from appliance.core.events import Event

E = TypeVar("E", bound=Event)


class Posted:
    """The events that a part posted; `wait` for one instead of sleeping."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one kind, the oldest first."""
        with self._changed:
            return [event for event in self.events if isinstance(event, kind)]

    def wait(self, kind: type[E], count: int = 1, within: float = 30.0) -> E:
        """Return the event of this kind that comes as number `count`.

        Raises:
            TimeoutError: it did not come within so many seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.of(kind)) >= count, timeout=within):
                raise TimeoutError(f"no {kind.__name__} number {count} in {self.events}")
            return self.of(kind)[count - 1]
