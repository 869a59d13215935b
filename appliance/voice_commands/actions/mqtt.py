"""The `mqtt` action: publishes a message."""

from appliance.core.errors import ActionError
from appliance.settings.commands import Mqtt
from appliance.voice_commands.actions.action import ActionRequest, Surroundings


class Broker:
    """The broker of the settings. Topic and payload come from the settings alone."""

    def __init__(self, command: Mqtt, surroundings: Surroundings) -> None:  # noqa: ARG002
        # One second more than others have: `publish` itself reports a silent broker.
        self.limit = surroundings.limit + 1
        self._publish = surroundings.publish

    @staticmethod
    def name_of(command: Mqtt) -> str:  # noqa: ARG004 - there is one broker
        """Return the broker's name."""
        return "the broker"

    def perform(self, command: Mqtt, request: ActionRequest) -> None:  # noqa: ARG002
        """Publish the message.

        Raises:
            ActionError: there is no broker, or it did not take the message.
        """
        if self._publish is None:
            raise ActionError("no broker")
        self._publish(command.topic, command.payload)

    def close(self) -> None:
        """Do nothing: the MQTT client belongs to others."""
