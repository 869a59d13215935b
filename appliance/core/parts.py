"""Parts of the appliance that can have a fault."""

import enum


class Part(enum.Enum):
    """A part that can have a fault; its value is its name in `status.json`."""

    POWER = "power"
    """Switching off."""

    SETTINGS = "settings"
    MICROPHONE = "microphone"
    LOSS = "loss"
    """The backlog, which drops its oldest audio when it is full."""

    SESSION = "session"
    """The connection of the live session to the service."""

    BUTTON = "button"
    SPOOL = "spool"
    """The audio on disk."""

    HISTORY = "history"
    STATUS_LED = "light"
    SCREEN = "screen"
    BROKER = "broker"
    """The MQTT broker."""
