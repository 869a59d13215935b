"""Faults, in words for the person who must act, and the parts that can have one."""

import enum

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """Something that went wrong, in words for the person who must act.

    `what` happened fits on one line of the OLED, `remedy` says what to do, and `detail` goes to the
    log alone.

    >>> str(Fault("No network", "check Wi-Fi or cable", "DNS"))
    'No network: check Wi-Fi or cable (DNS)'
    """

    what: str
    remedy: str = ""
    detail: str = ""

    def __str__(self) -> str:
        """Return the fault as one sentence for the log."""
        sentence = ": ".join(part for part in (self.what, self.remedy) if part)
        return f"{sentence} ({self.detail})" if self.detail else sentence


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
