"""What a part posts, for a check that waits for it."""

import queue

from appliance.core.events import Event


class Posted:
    """Takes a part's events; hand `post` to the part."""

    def __init__(self) -> None:
        # Bounded by how long the part is tried.
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.post = self._events.put

    def next(self, timeout: float = 0.0) -> Event | None:
        """Return the next event; None if none comes within so many seconds."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None
