"""The button: a contact between a GPIO pin and ground (or 3.3 V).

gpiozero looks after the pin. What comes out is one press for each time a person presses, however
often the contact bounces.
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
from appliance.hardware import gpio
from appliance.settings.schema import ButtonSettings
from appliance.system.supervision import BusyTimer

if TYPE_CHECKING:
    import gpiozero

log = logging.getLogger(__name__)

_GLITCH = 0.01  # seconds for which the pin must be steady, where the pin library can tell
_BOUNCE = 0.05  # seconds after an edge during which another is the same contact, bouncing


class Button:
    """Tells when it is pressed, held and released.

    The pin is opened on the button's own thread, and tried again until it can be used. A button
    that is down when the pin is opened is stuck: it counts from its first release on.

        button = Button(ButtonSettings(pin=17), post)
        button.start()
        ...
        button.end()

    Args:
        settings: the pin, its pull resistor, and how long a hold is.
        post: told ButtonReady, Pressed, Held, Released, ButtonStuck and ButtonFailed.
        pin_factory: gpiozero's way to the pins; its default one when not given, as set by
            `gpiozero.Device.pin_factory` or `$GPIOZERO_PIN_FACTORY`.
        clock: monotonic seconds.
        retry: seconds between two tries to get the pin.

    Attributes:
        activity: what the thread is at; a pin library may hang.
    """

    def __init__(
        self,
        settings: ButtonSettings,
        post: Post,
        *,
        pin_factory: "gpiozero.Factory | None" = None,
        clock: Callable[[], float] = time.monotonic,
        retry: float = gpio.RETRY,
    ) -> None:
        self._settings = settings
        self._post = post
        self._pin_factory = pin_factory
        self._clock = clock
        self._retry = retry
        self._last_edge = float("-inf")
        self._down = False
        self._telling = threading.Lock()
        self._stirred = threading.Event()
        self._ended = threading.Event()
        self.activity = BusyTimer("button")
        self._thread = threading.Thread(target=self._run, name="button", daemon=True)

    def start(self) -> None:
        """Begin to listen to the pin; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Let go of the pin. Nothing is posted afterwards."""
        self._ended.set()
        self._stirred.set()
        self._thread.join(gpio.LONGEST_END)

    def _run(self) -> None:
        told = False
        while not self._ended.is_set():
            try:
                with gpio.telling_errors(self._settings.pin), self._opened() as contact:
                    log.info("button: GPIO %d", self._settings.pin)
                    self._watch_it_settle(contact)
            except gpio.PinError as error:
                fault = _fault_of(error, self._settings.pin)
                if not told:
                    log.warning("%s", fault)
                    self._post(ButtonFailed(fault))
                told = True
                self._ended.wait(self._retry)

    @contextmanager
    def _opened(self) -> "Iterator[gpiozero.Button]":
        with self.activity:
            contact = self._contact()
        with contact:
            contact.when_pressed = self._press
            contact.when_held = self._hold
            contact.when_released = self._release
            stuck = self._down = contact.is_pressed
            self._tell(ButtonReady())
            if stuck:
                # gpiozero tells nothing of this press, only of its end.
                log.warning("the button is down already: ignored until it is released")
                self._tell(ButtonStuck())
            yield contact

    def _contact(self) -> "gpiozero.Button":
        factory = gpio.factory(self._pin_factory)
        import gpiozero  # noqa: PLC0415 - slow to load, and the line above prepares that

        return gpiozero.Button(
            self._settings.pin,
            pull_up=self._settings.pull_up,
            bounce_time=_GLITCH,
            hold_time=self._settings.hold_time,
            pin_factory=factory,
        )

    def _press(self, contact: "gpiozero.Button") -> None:
        if self._bounced(contact.active_time):
            self._stirred.set()
        else:
            self._note(down=True)

    def _hold(self) -> None:
        self._tell(Held())

    def _release(self, contact: "gpiozero.Button") -> None:
        if self._bounced(contact.inactive_time):
            self._stirred.set()
        else:
            self._note(down=False)

    def _watch_it_settle(self, contact: "gpiozero.Button") -> None:
        """Until the end, tell the state in which a contact that bounced came to rest.

        A finger may be as quick as a bounce, and its release must not be missed: a button that
        seems to be held switches the box off.
        """
        while not self._ended.is_set():
            self._stirred.wait()
            self._stirred.clear()
            if not self._ended.wait(_BOUNCE):
                self._note(down=contact.is_pressed)

    def _note(self, *, down: bool) -> None:
        """Tell that the button is down, or up, if that is new."""
        with self._telling:
            if down != self._down:
                self._down = down
                self._tell(Pressed() if down else Released())

    def _bounced(self, age: float) -> bool:
        """Return whether the edge of `age` seconds ago came too soon for a person.

        When it came counts, not when it is told: at the start of a session the machine is busy.
        """
        edge = self._clock() - age
        since, self._last_edge = edge - self._last_edge, edge
        return since < _BOUNCE

    def _tell(self, event: Event) -> None:
        try:
            self._post(event)
        except Exception:
            # It would end the one thread that serves all pins.
            log.exception("the button's %s was lost", type(event).__name__)


def _fault_of(error: gpio.PinError, pin: int) -> Fault:
    if error.in_use:
        return Fault("Button's pin in use", f"end what else uses GPIO {pin}", str(error))
    return Fault("No button", "check the GPIO and its permissions", str(error))
