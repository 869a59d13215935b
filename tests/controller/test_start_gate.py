import itertools

import pytest

from appliance.controller.exit_reason import ExitReason
from appliance.controller.privacy import PrivacyGuard
from appliance.controller.start_gate import StartGate
from appliance.core.events import (
    ButtonFailed,
    ButtonReady,
    Event,
    MicrophoneFailed,
    MicrophoneReady,
    ScreenFailed,
    ScreenRecovered,
    StatusLedFailed,
    StatusLedReady,
    StopRequested,
)
from appliance.core.faults import Fault
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings, StatusLedSettings
from tests.rig.clock import Clock

FAULT = Fault("broken")
BUTTON = (ButtonReady(), ButtonFailed(FAULT))
MICROPHONE = (MicrophoneReady(), MicrophoneFailed(FAULT))
SCREEN = (ScreenRecovered(), ScreenFailed(FAULT))
LIGHT = (StatusLedReady(), StatusLedFailed(FAULT))
OUTPUTS = [(), (SCREEN,), (LIGHT,), (SCREEN, LIGHT)]


class Gate:
    """A gate of a box with these outputs, and what it listens to."""

    def __init__(self, outputs: tuple[tuple[Event, Event], ...]) -> None:
        self.exit_reason = ExitReason()
        self.privacy = PrivacyGuard(Clock(0.0))
        settings = Settings(
            display=DisplaySettings(driver="ssd1306" if SCREEN in outputs else "none"),
            light=StatusLedSettings(pin=27 if LIGHT in outputs else "none"),
        )
        self.gate = StartGate(settings, self.privacy, self.exit_reason)

    def handle(self, event: Event) -> None:
        self.privacy.handle(event)
        self.gate.handle(event)


@pytest.mark.parametrize("outputs", OUTPUTS, ids=["none", "screen", "light", "both"])
def test_in_any_order_it_opens_once_all_have_answered_and_one_press_before_that_counts(
    outputs: tuple[tuple[Event, Event], ...],
) -> None:
    parts = (BUTTON, MICROPHONE, *outputs)
    for answers in itertools.product(*parts):
        for order in itertools.permutations(answers):
            box, missing, begun = Gate(outputs), set(answers), 0
            working = {SCREEN[0], LIGHT[0]} & missing
            for event in order:
                begun += box.gate.admits()
                box.handle(event)
                missing.discard(event)
                if event in working:
                    missing -= {*SCREEN, *LIGHT}
                assert box.gate.open == (not missing)
                begun += box.gate.take_held_back() and box.gate.admits()
            assert (begun > 0) == bool(working)


def test_what_fails_later_does_not_close_it() -> None:
    box = Gate((SCREEN,))
    for event in (BUTTON[0], MICROPHONE[0], SCREEN[0], BUTTON[1], MICROPHONE[1], SCREEN[1]):
        box.handle(event)
    assert box.gate.open
    assert not box.gate.admits()
    box.handle(SCREEN[0])
    assert not box.gate.take_held_back()
    assert box.gate.admits()


def test_nothing_is_held_back_once_the_program_ends() -> None:
    box = Gate((SCREEN,))
    box.exit_reason.add(StopRequested())
    assert not box.gate.admits()
    for event in (BUTTON[0], MICROPHONE[0], SCREEN[0]):
        box.handle(event)
    assert not box.gate.take_held_back()
