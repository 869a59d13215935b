"""Push button between a GPIO pin and ground (or 3.3 V), debounced.

gpiozero drives the pin. Each press of a person is reported once, however often the contact bounces.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.core.events import (
    ButtonFailed,
    ButtonReady,
    ButtonStuck,
    Event,
    Fault,
    Held,
    Post,
    Pressed,
    Released,
)
from appliance.core.late_imports import import_lock
from appliance.hardware import gpio
from appliance.settings.schema import ButtonSettings
from appliance.system.supervision import BusyTimer

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)

_GLITCH_TIME = 0.01  # seconds; shorter pulses are ignored, where the pin library supports it
_BOUNCE_TIME = 0.05  # seconds after an edge during which another one is the contact bouncing


class Button:
    """Button that posts an event when it is pressed, held and released.

    Its thread opens the pin, and tries again until it can. A button that is down when the pin is
    opened is stuck: its events count from its first release on.

        button = Button(ButtonSettings(pin=17), post)
        button.start()
        ...
        button.end()

    Args:
        settings: the pin, its pull resistor, and how long a hold is.
        post: takes ButtonReady, Pressed, Held, Released, ButtonStuck and ButtonFailed.
        pin_factory: gpiozero's pin factory; its default one when not given, as set by
            `gpiozero.Device.pin_factory` or `$GPIOZERO_PIN_FACTORY`.
        clock: monotonic seconds.
        retry_interval: seconds between two attempts to open the pin.

    Attributes:
        busy_timer: times the calls of the thread into the pin library, which may hang.
    """

    def __init__(
        self,
        settings: ButtonSettings,
        post: Post,
        *,
        pin_factory: "gpiozero.Factory | None" = None,
        clock: Callable[[], float] = time.monotonic,
        retry_interval: float = gpio.RETRY_INTERVAL,
    ) -> None:
        self._settings = settings
        self._post = post
        self._pin_factory = pin_factory
        self._clock = clock
        self._retry_interval = retry_interval
        self._last_edge = float("-inf")
        self._down = False
        self._reporting = threading.Lock()
        self._unsettled = threading.Event()
        self._ended = threading.Event()
        self.busy_timer = BusyTimer("button")
        self._thread = threading.Thread(target=self._run, name="button", daemon=True)

    def start(self) -> None:
        """Start the thread that opens the pin."""
        self._thread.start()

    def end(self) -> None:
        """Release the pin and end the thread. Nothing is posted afterwards."""
        self._ended.set()
        self._unsettled.set()
        self._thread.join(gpio.RELEASE_TIMEOUT)

    def _run(self) -> None:
        reported = False
        while not self._ended.is_set():
            try:
                with gpio.raising_pin_errors(self._settings.pin), self._open_contact() as contact:
                    log.info("button: GPIO %d", self._settings.pin)
                    self._report_settled_state(contact)
            except gpio.PinError as error:
                fault = _fault_of(error, self._settings.pin)
                if not reported:
                    log.warning("%s", fault)
                    self._post(ButtonFailed(fault))
                reported = True
                self._ended.wait(self._retry_interval)

    @contextmanager
    def _open_contact(self) -> "Iterator[gpiozero.Button]":
        with self.busy_timer:
            contact = self._new_contact()
        with contact:
            contact.when_pressed = self._press
            contact.when_held = self._hold
            contact.when_released = self._release
            stuck = self._down = contact.is_pressed
            self._post_safely(ButtonReady())
            if stuck:
                # gpiozero does not report this press, only its release.
                log.warning("the button is already down; it is ignored until it is released")
                self._post_safely(ButtonStuck())
            yield contact

    def _new_contact(self) -> "gpiozero.Button":
        factory = gpio.factory(self._pin_factory)
        with import_lock:
            import gpiozero  # noqa: PLC0415 - slow to load, and the line above prepares that

        return gpiozero.Button(
            self._settings.pin,
            pull_up=self._settings.pull_up,
            bounce_time=_GLITCH_TIME,
            hold_time=self._settings.hold_time,
            pin_factory=factory,
        )

    def _press(self, contact: "gpiozero.Button") -> None:
        if self._is_bounce(contact.active_time):
            self._unsettled.set()
        else:
            self._report(down=True)

    def _hold(self) -> None:
        self._post_safely(Held())

    def _release(self, contact: "gpiozero.Button") -> None:
        if self._is_bounce(contact.inactive_time):
            self._unsettled.set()
        else:
            self._report(down=False)

    def _report_settled_state(self, contact: "gpiozero.Button") -> None:
        """Report the state in which a contact came to rest after each bounce, until the end.

        A finger may be as quick as a bounce, and its release must not be missed: a button that
        seems to be held switches the box off.
        """
        while not self._ended.is_set():
            self._unsettled.wait()
            self._unsettled.clear()
            if not self._ended.wait(_BOUNCE_TIME):
                self._report(down=contact.is_pressed)

    def _report(self, *, down: bool) -> None:
        """Post that the button is down, or up, if that is new."""
        with self._reporting:
            if down != self._down:
                self._down = down
                self._post_safely(Pressed() if down else Released())

    def _is_bounce(self, age: float) -> bool:
        """Return whether the edge of `age` seconds ago followed the last one too soon for a person.

        The time of the edge counts, not that of its report: the machine is busy at the start of a
        session.
        """
        edge = self._clock() - age
        elapsed, self._last_edge = edge - self._last_edge, edge
        return elapsed < _BOUNCE_TIME

    def _post_safely(self, event: Event) -> None:
        try:
            self._post(event)
        except Exception:
            # It would end the one thread that serves all pins.
            log.exception("the button's event %s was lost", type(event).__name__)


def _fault_of(error: gpio.PinError, pin: int) -> Fault:
    if error.in_use:
        return Fault("Button's pin in use", f"end what else uses GPIO {pin}", str(error))
    return Fault("No button", "check the GPIO and its permissions", str(error))
