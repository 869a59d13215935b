"""MQTT topics of an appliance, and what is published about its availability."""

from typing import NamedTuple

from appliance.settings import Settings

ONLINE, OFFLINE = b"online", b"offline"
"""Payloads of `Topics.availability`; ONLINE is that of Home Assistant's `Topics.birth`, too."""


class Topics(NamedTuple):
    """Topics of the appliance called `name`.

    `discovery_prefix` is where Home Assistant looks for devices; empty: it finds none.
    """

    name: str
    discovery_prefix: str

    @classmethod
    def of(cls, settings: Settings) -> "Topics":
        """Return those that the settings ask for."""
        return cls(settings.name, settings.mqtt.discovery_prefix.rstrip("/"))

    @property
    def identity(self) -> str:
        """A name that no other appliance on this broker may have."""
        return f"appliance_{self.name}"

    @property
    def state(self) -> str:
        """What it does; retained."""
        return f"appliance/{self.name}/state"

    @property
    def availability(self) -> str:
        """Whether it is there, "online" or "offline"; retained, and its last will."""
        return f"appliance/{self.name}/availability"

    @property
    def transcript(self) -> str:
        """Each finished turn."""
        return f"appliance/{self.name}/transcript"

    @property
    def partial(self) -> str:
        """The turn that is being spoken."""
        return f"appliance/{self.name}/partial"

    @property
    def command(self) -> str:
        """Commands for it."""
        return f"appliance/{self.name}/command"

    @property
    def event(self) -> str:
        """Each spoken command, with its outcome."""
        return f"appliance/{self.name}/event"

    @property
    def alert(self) -> str:
        """Each word that calls the reader."""
        return f"appliance/{self.name}/alert"

    @property
    def discovery(self) -> str:
        """Its description for Home Assistant; retained."""
        return f"{self.discovery_prefix}/device/{self.identity}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant publishes "online" after a start."""
        return f"{self.discovery_prefix}/status"
