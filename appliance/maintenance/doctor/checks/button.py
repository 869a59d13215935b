"""Check of the button: its pin opens and, if a person is present, a press arrives."""

import queue
from collections.abc import Iterator

from gpiozero.pins import Factory

from appliance.core.events import ButtonFailed, ButtonStuck, Event
from appliance.core.faults import Fault, Part
from appliance.hardware.button import Button
from appliance.maintenance.doctor.appliance_status import REPORTED, RESTART, fault_of, local_time
from appliance.maintenance.doctor.context import Context, Prompt
from appliance.maintenance.doctor.result import CheckResult, failed, faulty, fine
from appliance.maintenance.doctor.runner import Check
from appliance.settings.schema import ButtonSettings
from appliance.system.status_file import Condition

OPEN_TIMEOUT = 8.0
"""Seconds for a pin to open: on a Zero, gpiozero takes some of them to load."""

PRESS_TIMEOUT = 10.0
"""Seconds for a person to press."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the button."""
    settings, prompt = context.settings.button, context.prompt
    yield context.check_of_device(
        "button",
        lambda: check_button(settings, prompt, pin_factory=context.machine.pin_factory),
        reported_button,
        time_limit=10 + PRESS_TIMEOUT * (prompt is not None),
    )


def check_button(
    settings: ButtonSettings,
    prompt: Prompt | None = None,
    *,
    pin_factory: Factory | None = None,
    press_timeout: float = PRESS_TIMEOUT,
) -> CheckResult:
    """Check that a press arrives; with nobody there to press, that the pin opens.

    Args:
        settings: where the button is wired.
        prompt: tells a person to press; None if there is nobody.
        pin_factory: gpiozero's pin factory; None for its default one.
        press_timeout: seconds to wait for the press.
    """
    probe = EventProbe()
    button = Button(settings, probe.post, pin_factory=pin_factory)
    button.start()
    try:
        opened = probe.next(OPEN_TIMEOUT)
        answer = None
        if prompt and opened and not isinstance(opened, ButtonFailed):
            prompt(f"Press the button now: you have {press_timeout:g} seconds.")
            answer = probe.next(press_timeout)
    finally:
        button.end()
    if isinstance(opened, ButtonFailed):
        return faulty(opened.fault)
    if opened is None:
        return failed(f"GPIO {settings.pin} does not answer", "restart the box")
    return _judge(settings, answer or probe.next(), attended=prompt is not None)


def reported_button(status: Condition) -> CheckResult:
    """Return whether a running appliance would notice a press."""
    if fault := fault_of(status, Part.BUTTON):
        return fault
    if not status.button.ready:
        return failed(f"its pin is not watched ({REPORTED})", RESTART)
    pressed = status.button.pressed
    last = f"last pressed {local_time(pressed)}" if pressed else "not pressed since the start"
    return fine(f"{last} ({REPORTED})")


class EventProbe:
    """Receiver of a part's events, for a check that waits for them.

    probe = EventProbe()
    button = Button(settings, probe.post)
    button.start()
    opened = probe.next(8.0)
    """

    def __init__(self) -> None:
        # Bounded by how long the part is tried.
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.post = self._events.put

    def next(self, timeout: float = 0.0) -> Event | None:
        """Return the next event; None if none comes within so many seconds."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None


def _judge(settings: ButtonSettings, answer: Event | None, *, attended: bool) -> CheckResult:
    pin = f"GPIO {settings.pin}"
    if isinstance(answer, ButtonStuck):
        detail = f"{pin} reads {'low' if settings.pull_up else 'high'}"
        return faulty(Fault("Button is stuck", "let go, or check it", detail))
    if answer:
        return fine(f"{pin}: the press was noticed")
    if attended:
        remedy = "if you did press it, check its wires, and pin and pull_up under [button]"
        return failed(f"{pin}: no press was noticed", remedy)
    return fine(f"{pin} reads {'high' if settings.pull_up else 'low'}: not pressed")
