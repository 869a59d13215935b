"""The topics on which a box speaks and listens."""

from typing import NamedTuple

from appliance.settings import Settings


class Topics(NamedTuple):
    """The topics of the box called `name`.

    `discovery_prefix` is where Home Assistant looks for devices; empty where it shall find none.
    """

    name: str
    discovery_prefix: str

    @classmethod
    def of(cls, settings: Settings) -> "Topics":
        """Return those that the settings ask for."""
        return cls(settings.name, settings.mqtt.discovery_prefix.rstrip("/"))

    @property
    def identity(self) -> str:
        """What no other box on this broker may be called."""
        return f"appliance_{self.name}"

    @property
    def state(self) -> str:
        """What the box does; retained."""
        return self._below("state")

    @property
    def availability(self) -> str:
        """Whether it is there, "online" or "offline"; retained, and its last will."""
        return self._below("availability")

    @property
    def transcript(self) -> str:
        """Each finished turn."""
        return self._below("transcript")

    @property
    def partial(self) -> str:
        """The turn that is being spoken."""
        return self._below("partial")

    @property
    def command(self) -> str:
        """What others wish of the box."""
        return self._below("command")

    @property
    def event(self) -> str:
        """Each spoken command, once it is known what became of it."""
        return self._below("event")

    @property
    def discovery(self) -> str:
        """What Home Assistant is to make of all these; retained."""
        return f"{self.discovery_prefix}/device/{self.identity}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says "online" after a start."""
        return f"{self.discovery_prefix}/status"

    def _below(self, part: str) -> str:
        return f"appliance/{self.name}/{part}"
