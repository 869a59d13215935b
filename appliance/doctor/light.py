"""The light, where one is wired: that it can be switched on."""

import time
from collections.abc import Callable

from gpiozero.pins import Factory

from appliance.config import LightSettings
from appliance.doctor.button import READY_TIME
from appliance.doctor.finding import Finding, failed, failing, fine
from appliance.doctor.posted import Posted
from appliance.doctor.screen import LONG, SHORT
from appliance.events import LightFailed
from appliance.hardware.light import Light
from appliance.screen.scene import Mode, Scene


def examine(
    settings: LightSettings,
    ask: Callable[[str], None] | None = None,
    *,
    pin_factory: Factory | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Finding:
    """Tell whether the light's pin can be had, and switch it on for a moment.

    Args:
        settings: where it is wired.
        ask: tells a person what to look at; None where nobody does.
        pin_factory: gpiozero's way to the pins; its default one when not given.
        sleep: lets so many seconds pass.
    """
    posted = Posted()
    light = Light(settings, posted.post, pin_factory=pin_factory)
    light.start()
    try:
        opened = posted.next(READY_TIME)
        light.show(Scene(Mode.LISTENING))
        if ask:
            ask("Look at the light: it is on.")
        sleep(LONG if ask else SHORT)
    finally:
        light.end()
    if isinstance(opened, LightFailed):
        return failing(opened.fault)
    if opened is None:
        return failed(f"GPIO {settings.pin} does not answer", "restart the box")
    return fine(f"GPIO {settings.pin} was switched on, and off again")
