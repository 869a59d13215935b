"""Button, screen and microphone as a running appliance reports them."""

from collections.abc import Callable

import pytest

from appliance.core.faults import Part
from appliance.maintenance.doctor.checks.button import reported_button
from appliance.maintenance.doctor.checks.microphone import reported_microphone
from appliance.maintenance.doctor.checks.screen import reported_screen
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.system.status_file import (
    ButtonStatus,
    Condition,
    MicrophoneStatus,
    PartFault,
    ScreenStatus,
)
from tests.maintenance.doctor.healthy import NOW, status


@pytest.mark.parametrize(
    ("part", "reported"),
    [
        (Part.BUTTON, reported_button),
        (Part.SCREEN, reported_screen),
        (Part.MICROPHONE, reported_microphone),
    ],
)
def test_each_part_is_fine_or_has_the_fault_that_the_appliance_reports(
    part: Part,
    reported: Callable[[Condition], CheckResult],
) -> None:
    assert reported(status()).result is Result.FINE
    assert reported(status()).found.endswith("(reported by the running appliance)")
    found = reported(status(faults=[PartFault(part, "Broken", "repair it")]))
    assert found.result is Result.FAILED
    assert found.found.startswith("Broken")
    assert found.remedy == "repair it"


def test_what_the_parts_did_is_reported() -> None:
    moment = NOW.astimezone().strftime("%H:%M:%S")
    assert moment in reported_button(status()).found
    assert "1234" in reported_screen(status()).found
    assert "loudest in the last session 0.7" in reported_microphone(status()).found
    listening = MicrophoneStatus(open=True, name="USB", rate=48_000, level=0.4, loudest=0.7)
    found = reported_microphone(status(microphone=listening)).found
    assert found.startswith("USB at 48000 Hz; level 0.4 of 1 now, ")


def test_parts_that_were_not_used_yet_are_fine() -> None:
    unpressed = status(button=ButtonStatus(ready=True))
    assert "not pressed since the start" in reported_button(unpressed).found
    unopened = MicrophoneStatus(open=False, name=None, rate=None, level=0.0, loudest=0.0)
    found = reported_microphone(status(microphone=unopened))
    assert found.result is Result.FINE
    assert "not opened yet" in found.found


def test_parts_that_do_not_work_have_failed_without_a_fault_too() -> None:
    deaf = status(button=ButtonStatus(ready=False))
    assert reported_button(deaf).result is Result.FAILED
    dark = status(screen=ScreenStatus("ssd1306", shows=False, frames=0))
    assert reported_screen(dark).result is Result.FAILED
    none = status(screen=ScreenStatus("none", shows=False, frames=0))
    assert reported_screen(none).result is Result.NOT_TRIED
