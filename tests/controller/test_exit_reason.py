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
    exit_reason = ExitReason()
    assert exit_reason.reason is None
    exit_reason.add(first)
    exit_reason.add(second)
    assert exit_reason.reason == kept


@pytest.mark.parametrize(
    ("reason", "immediate", "final", "powers_off"),
    [
        (SettingsChanged(), False, False, False),
        (PowerOffRequested(), False, True, True),
        (StopRequested(), False, True, False),
        (UnhandledError(), True, False, False),
        (PartHung("display"), True, False, False),
    ],
)
def test_a_reason_says_what_may_still_be_done(
    reason: Event, immediate: bool, final: bool, powers_off: bool
) -> None:
    exit_reason = ExitReason()
    exit_reason.add(reason)
    assert exit_reason.immediate is immediate
    assert exit_reason.final is final
    assert exit_reason.powers_off is powers_off
