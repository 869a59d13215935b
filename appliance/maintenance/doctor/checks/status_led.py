"""Check of the status LED, if one is wired: it can be switched on."""

import time
from collections.abc import Callable, Iterator

from gpiozero.pins import Factory

from appliance.core.events import StatusLedFailed
from appliance.maintenance.doctor.checks.button import OPEN_TIMEOUT, EventProbe
from appliance.maintenance.doctor.checks.screen import GLANCE_TIME, LOOKING_TIME
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context, Prompt
from appliance.maintenance.doctor.result import CheckResult, failed, faulty, fine
from appliance.maintenance.doctor.runner import Check
from appliance.screen.scene import Mode, Scene
from appliance.screen.status_led import StatusLed
from appliance.settings.schema import StatusLedSettings


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the LED, unless a running appliance has it.

    That one reports only its faults, and these with the check of the appliance.
    """
    settings = context.settings.light
    if context.appliance or settings.pin == "none":
        return
    yield Check(
        "light",
        lambda: check_status_led(
            settings,
            context.prompt,
            pin_factory=context.machine.pin_factory,
            sleep=context.machine.sleep,
        ),
        time_limit=10,
        needs=NEEDS_SETTINGS,
        in_turn=True,
    )


def check_status_led(
    settings: StatusLedSettings,
    prompt: Prompt | None = None,
    *,
    pin_factory: Factory | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> CheckResult:
    """Check that the LED's pin opens, and switch it on for a moment.

    Args:
        settings: where the LED is wired.
        prompt: tells a person to look; None if there is nobody.
        pin_factory: gpiozero's pin factory; None for its default one.
        sleep: waits so many seconds.
    """
    probe = EventProbe()
    led = StatusLed(settings, probe.post, pin_factory=pin_factory)
    led.start()
    try:
        opened = probe.next(OPEN_TIMEOUT)
        led.show(Scene(Mode.LISTENING))
        if prompt:
            prompt("Look at the light: it is on.")
        sleep(LOOKING_TIME if prompt else GLANCE_TIME)
    finally:
        led.end()
    if isinstance(opened, StatusLedFailed):
        return faulty(opened.fault)
    if opened is None:
        return failed(f"GPIO {settings.pin} does not answer", "restart the box")
    return fine(f"GPIO {settings.pin} was switched on, and off again")
