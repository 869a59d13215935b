"""The light, where one is wired: that it can be switched on."""

import time
from collections.abc import Callable

from gpiozero.pins import Factory

from appliance.core.events import StatusLedFailed
from appliance.maintenance.doctor.checks.button import READY_TIME
from appliance.maintenance.doctor.checks.posted import Posted
from appliance.maintenance.doctor.checks.screen import LONG, SHORT
from appliance.maintenance.doctor.result import CheckResult, failed, failing, fine
from appliance.screen.scene import Mode, Scene
from appliance.screen.status_led import StatusLed
from appliance.settings.schema import StatusLedSettings


def examine(
    settings: StatusLedSettings,
    ask: Callable[[str], None] | None = None,
    *,
    pin_factory: Factory | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> CheckResult:
    """Tell whether the light's pin can be had, and switch it on for a moment.

    Args:
        settings: where it is wired.
        ask: tells a person what to look at; None where nobody does.
        pin_factory: gpiozero's way to the pins; its default one when not given.
        sleep: lets so many seconds pass.
    """
    posted = Posted()
    light = StatusLed(settings, posted.post, pin_factory=pin_factory)
    light.start()
    try:
        opened = posted.next(READY_TIME)
        light.show(Scene(Mode.LISTENING))
        if ask:
            ask("Look at the light: it is on.")
        sleep(LONG if ask else SHORT)
    finally:
        light.end()
    if isinstance(opened, StatusLedFailed):
        return failing(opened.fault)
    if opened is None:
        return failed(f"GPIO {settings.pin} does not answer", "restart the box")
    return fine(f"GPIO {settings.pin} was switched on, and off again")
