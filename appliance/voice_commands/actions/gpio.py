"""The `gpio` action: switches a pin on, off, over, or on for a while."""

import logging
from functools import partial
from typing import Literal

from appliance.core.errors import ActionError
from appliance.hardware.gpio import PinError
from appliance.hardware.output_pin import OutputPin
from appliance.settings.commands import Gpio
from appliance.voice_commands.actions.action import ActionRequest, Surroundings
from appliance.voice_commands.worker import Later

log = logging.getLogger(__name__)


class GpioPin:
    """One pin. The first command that names it says which level means on."""

    def __init__(self, command: Gpio, surroundings: Surroundings) -> None:
        self.limit = surroundings.limit
        self._pin = command.pin
        self._output = OutputPin(
            command.pin,
            active_high=command.active_high,
            pin_factory=surroundings.pin_factory,
            # Shorter than the worker's limit: a switching that is not reported as given up must
            # have come about, and is not undone.
            timeout=0.9 * surroundings.limit,
            clock=surroundings.clock,
        )

    @staticmethod
    def name_of(command: Gpio) -> str:
        """Return the pin's name."""
        return f"GPIO {command.pin}"

    def perform(self, command: Gpio, request: ActionRequest) -> Later | None:  # noqa: ARG002
        """Switch the pin; a pulse ends later.

        Raises:
            ActionError: the pin is in use, or can't be used.
        """
        if command.state != "pulse":
            self._switch(command.state)
            return None
        self._switch("on")
        return Later(command.seconds, partial(self._switch, "off"))

    def close(self) -> None:
        """Switch the pin off and let go of it."""
        self._output.close()

    def _switch(self, state: Literal["on", "off", "toggle"]) -> None:
        try:
            self._output.switch(state)
        except PinError as error:
            log.info("%s", error)
            why = "is in use" if error.in_use else "can't be used"
            raise ActionError(f"GPIO {self._pin} {why}") from error
