"""Pin that pulses when a word calls the reader: a vibration motor."""

import functools

from appliance.core.command_events import AlertFailed, AlertHeard
from appliance.core.events import Event, Post
from appliance.settings.commands import Gpio
from appliance.settings.schema import AlertSettings
from appliance.voice_commands.actions.action import ActionRequest, Surroundings
from appliance.voice_commands.actions.gpio import GpioPin
from appliance.voice_commands.worker import TargetWorker

PULSE_TIME = 0.6
"""Seconds that are felt and are no nuisance."""

END_TIMEOUT = 3.0
"""Seconds to wait for the worker at the end; a pin that hangs must not keep the program alive."""


class AlertPin:
    """Listener that lets a pin pulse for each alert; without a pin, it does nothing.

        pin = AlertPin(AlertSettings(words=("Anna",), pin=22), post, Surroundings("kitchen"))
        pin.start()
        pin.handle(AlertHeard("s1", "Anna", "Anna?", 12.5))
        ...
        pin.end()

    Args:
        settings: the pin.
        post: takes AlertFailed.
        surroundings: everything outside.
        pulse_time: seconds of a pulse.
    """

    def __init__(
        self,
        settings: AlertSettings,
        post: Post,
        surroundings: Surroundings,
        pulse_time: float = PULSE_TIME,
    ) -> None:
        self._post = post
        self._worker: TargetWorker | None = None
        if isinstance(settings.pin, int):
            self._pulse = Gpio(phrase="alert", pin=settings.pin, state="pulse", seconds=pulse_time)
            self._pin = GpioPin(self._pulse, surroundings)
            self._worker = TargetWorker(
                GpioPin.name_of(self._pulse),
                last=self._pin.close,
                limit=surroundings.limit,
                clock=surroundings.clock,
            )

    def start(self) -> None:
        """Begin to wait for alerts; returns at once."""
        if self._worker:
            self._worker.start()

    def handle(self, event: Event) -> None:
        """Let the pin pulse if the event is an alert; returns at once."""
        if self._worker and isinstance(event, AlertHeard):
            request = ActionRequest(self._pulse, event.session, event.words, event.at)
            work = functools.partial(self._pin.perform, self._pulse, request)
            self._worker.add(work, functools.partial(self._report, event.session))

    def end(self) -> None:
        """Switch the pin off, release it, and wait for the worker unless it hangs."""
        if self._worker:
            self._worker.end()
            self._worker.join(END_TIMEOUT)

    def _report(self, session: str, failure: str) -> None:
        if failure:
            self._post(AlertFailed(session, failure))
