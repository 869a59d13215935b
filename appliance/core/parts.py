"""Parts of the appliance that can have a fault."""

import enum


class Part(enum.Enum):
    """A part that can have a fault; its value is its name in `status.json`."""

    POWER = "power"
    """Switching the box off."""

    SETTINGS = "settings"
    MICROPHONE = "microphone"
    LOSS = "loss"
    """The backlog: it is full, and its oldest audio is lost."""

    SESSION = "session"
    """The live session's connection to the service."""

    BUTTON = "button"
    SPOOL = "spool"
    """Audio on the disk."""

    HISTORY = "history"
    STATUS_LED = "light"
    SCREEN = "screen"
    BROKER = "broker"
    """The MQTT broker."""
