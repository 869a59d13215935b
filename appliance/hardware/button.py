"""Push button between a GPIO pin and ground (or 3.3 V), debounced.

gpiozero drives the pin. Each press of a person is reported once, however often the contact bounces,
and as one press even if a loose contact opens for a moment while the button is held.
"""

import logging
import math
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
    Held,
    Post,
    Pressed,
    Released,
)
from appliance.core.faults import Fault
from appliance.core.late_imports import import_lock
from appliance.hardware import gpio
from appliance.settings.schema import ButtonSettings
from appliance.system.supervision import BusyTimer

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)

_GLITCH_TIME = 0.01  # seconds; shorter pulses are ignored, where the pin library supports it
_REST_TIME = 0.07  # seconds without an edge after which a contact is at rest; no finger is quicker


class Button:
    """Button that posts an event when it is pressed, held and released.

    Its thread opens the pin, and tries again until it can. A press is reported at its first
    contact, a release after the contact has been open for 70 ms. A button that is down when the pin
    is opened is stuck: its events count from its first release on.

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
        self._opened_at = -math.inf  # when the contact opened last
        self._down = False
        self._held_at = math.inf  # when the press will have been a hold
        self._reporting = threading.Lock()
        self._moved = threading.Event()
        self._ended = threading.Event()
        self.busy_timer = BusyTimer("button")
        self._thread = threading.Thread(target=self._run, name="button", daemon=True)

    def start(self) -> None:
        """Start the thread that opens the pin."""
        self._thread.start()

    def end(self) -> None:
        """Release the pin and end the thread. Nothing is posted afterwards."""
        self._ended.set()
        self._moved.set()
        self._thread.join(gpio.RELEASE_TIMEOUT)

    def _run(self) -> None:
        reported = False
        while not self._ended.is_set():
            try:
                with gpio.raising_pin_errors(self._settings.pin), self._open_contact() as contact:
                    log.info("button: GPIO %d", self._settings.pin)
                    self._follow(contact)
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
            pin_factory=factory,
        )

    def _press(self, contact: "gpiozero.Button") -> None:
        # The time of the edge counts, not that of its report: the machine is busy at the start of a
        # session.
        closed_at = self._clock() - contact.active_time
        if closed_at - self._opened_at >= _REST_TIME:
            self._report(down=False)  # if the thread has not done so yet
            self._report(down=True)
        self._moved.set()

    def _release(self, contact: "gpiozero.Button") -> None:
        self._opened_at = self._clock() - contact.inactive_time
        self._moved.set()

    def _follow(self, contact: "gpiozero.Button") -> None:
        """Report the state in which a contact comes to rest after each edge, and holds.

        A finger may be as quick as a bounce, and its release must not be missed: a button that
        seems to be held switches the box off. gpiozero would begin a hold again at each bounce.
        """
        while True:
            self._moved.wait(self._time_to_hold())
            self._moved.clear()
            at_rest = not self._moved.wait(_REST_TIME)
            if self._ended.is_set():
                return
            if at_rest:
                self._report(down=contact.is_pressed)
            if self._time_to_hold() == 0 and contact.is_pressed:
                self._held_at = math.inf
                self._post_safely(Held())

    def _time_to_hold(self) -> float | None:
        """Return the seconds until the press is a hold; None if no press can become one."""
        if self._held_at == math.inf:
            return None
        return max(0.0, self._held_at - self._clock())

    def _report(self, *, down: bool) -> None:
        """Post that the button is down, or up, if that is new."""
        with self._reporting:
            if down != self._down:
                self._down = down
                self._held_at = self._clock() + self._settings.hold_time if down else math.inf
                self._post_safely(Pressed() if down else Released())

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
