import threading
from collections.abc import Iterator
from typing import TypeVar

import pytest
from gpiozero.pins.mock import MockFactory

from appliance.events import Event

E = TypeVar("E", bound=Event)


class Posted:
    """What a part posted; `wait` for it instead of sleeping."""

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

    def wait(self, kind: type[E], count: int = 1) -> E:
        """Return the event of this kind that comes as number `count`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.of(kind)) >= count, timeout=30):
                raise TimeoutError(f"no {kind.__name__} number {count} in {self.events}")
            return self.of(kind)[count - 1]


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()
