import queue

import pytest

from appliance.controller.inbox import FLOOD, Inbox
from appliance.core.events import (
    Event,
    PowerOffRequested,
    Pressed,
    Released,
    SettingsChanged,
    StopRequested,
)


def drained(inbox: Inbox) -> list[Event]:
    found = []
    while not inbox.empty():
        found.append(inbox.get(timeout=0))
    return found


def test_events_keep_their_order() -> None:
    inbox = Inbox()
    events = [Pressed(), Released(), StopRequested(), Pressed(), SettingsChanged(), Released()]
    for event in events:
        inbox.put(event)
    assert drained(inbox) == events
    with pytest.raises(queue.Empty):
        inbox.get(timeout=0)


@pytest.mark.parametrize("event", [StopRequested(), PowerOffRequested(), SettingsChanged()])
def test_what_asks_to_exit_overtakes_a_flood(event: Event) -> None:
    inbox = Inbox()
    for _ in range(FLOOD + 1):
        inbox.put(Released())
    inbox.put(event)
    assert inbox.get() == event


def test_each_exit_is_still_there_once_the_flood_is_over() -> None:
    inbox = Inbox()
    for _ in range(FLOOD + 1):
        inbox.put(Released())
    inbox.put(SettingsChanged())
    inbox.put(StopRequested())
    assert {SettingsChanged(), StopRequested()} <= set(drained(inbox))
