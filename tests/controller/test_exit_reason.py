import pytest

from appliance.controller.exit_reason import ExitReason
from appliance.core.events import (
    Event,
    PartHung,
    PowerOffRequested,
    SettingsChanged,
    StopRequested,
    UnhandledError,
)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (SettingsChanged(), PowerOffRequested(), PowerOffRequested()),
        (PowerOffRequested(), SettingsChanged(), PowerOffRequested()),
        (PowerOffRequested(), StopRequested(), StopRequested()),
        (UnhandledError(), SettingsChanged(), UnhandledError()),
        (StopRequested(), PartHung("history"), PartHung("history")),
        (PartHung("history"), PartHung("display"), PartHung("history")),
    ],
)
def test_the_most_urgent_reason_counts(first: Event, second: Event, kept: Event) -> None:
    leaving = ExitReason()
    assert leaving.reason is None
    leaving.ask(first)
    leaving.ask(second)
    assert leaving.reason == kept


@pytest.mark.parametrize(
    ("reason", "at_once", "for_good", "to_switch_off"),
    [
        (SettingsChanged(), False, False, False),
        (PowerOffRequested(), False, True, True),
        (StopRequested(), False, True, False),
        (UnhandledError(), True, False, False),
        (PartHung("display"), True, False, False),
    ],
)
def test_a_reason_says_what_may_still_be_done(
    reason: Event, at_once: bool, for_good: bool, to_switch_off: bool
) -> None:
    leaving = ExitReason()
    leaving.ask(reason)
    assert leaving.at_once is at_once
    assert leaving.for_good is for_good
    assert leaving.to_switch_off is to_switch_off
