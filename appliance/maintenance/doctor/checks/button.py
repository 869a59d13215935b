"""The button: that its pin can be had, and where somebody is there to press it, that it works."""

from collections.abc import Callable

from gpiozero.pins import Factory

from appliance.core.events import ButtonFailed, ButtonStuck, Event, Fault
from appliance.hardware.button import Button
from appliance.maintenance.doctor.checks.posted import Posted
from appliance.maintenance.doctor.result import CheckResult, failed, failing, fine
from appliance.settings.schema import ButtonSettings

READY_TIME = 8.0
"""Seconds for the pin to be had: gpiozero takes some of them to load on a Zero."""

PRESS_TIME = 10.0
"""Seconds for a person to press."""


def examine(
    settings: ButtonSettings,
    ask: Callable[[str], None] | None = None,
    *,
    pin_factory: Factory | None = None,
    press_time: float = PRESS_TIME,
) -> CheckResult:
    """Tell whether a press is noticed; with nobody there to press, what the pin is like.

    Args:
        settings: where it is wired.
        ask: tells a person what to do; None where nobody is there.
        pin_factory: gpiozero's way to the pins; its default one when not given.
        press_time: seconds to wait for the press.
    """
    posted = Posted()
    button = Button(settings, posted.post, pin_factory=pin_factory)
    button.start()
    try:
        opened = posted.next(READY_TIME)
        answer = None
        if ask and opened and not isinstance(opened, ButtonFailed):
            ask(f"Press the button now: you have {press_time:g} seconds.")
            answer = posted.next(press_time)
    finally:
        button.end()
    if isinstance(opened, ButtonFailed):
        return failing(opened.fault)
    if opened is None:
        return failed(f"GPIO {settings.pin} does not answer", "restart the box")
    return _judged(settings, answer or posted.next(), attended=ask is not None)


def _judged(settings: ButtonSettings, answer: Event | None, *, attended: bool) -> CheckResult:
    place = f"GPIO {settings.pin}"
    if isinstance(answer, ButtonStuck):
        detail = f"{place} reads {'low' if settings.pull_up else 'high'}"
        return failing(Fault("Button is stuck", "let go, or check it", detail))
    if answer:
        return fine(f"{place}: the press was noticed")
    if attended:
        remedy = "if you did press it, check its wires, and pin and pull_up under [button]"
        return failed(f"{place}: no press was noticed", remedy)
    return fine(f"{place} reads {'high' if settings.pull_up else 'low'}: not pressed")
