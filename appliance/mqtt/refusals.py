"""What a broker does not let us write or read, although it has let us in."""

import logging

from appliance.core.events import Fault
from appliance.mqtt.errors import REFUSED

log = logging.getLogger(__name__)

NOT_AUTHORIZED = "Not authorized"
"""The reason where the owner has not allowed it (MQTT 5.0, section 3.4.2.1)."""


class Refusals:
    """Remembers them by topic, for one connection.

    Args:
        place: the broker's host and port.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._faults: dict[str, Fault] = {}

    @property
    def fault(self) -> Fault | None:
        """The first of them in words for the owner, if there is any."""
        return next(iter(self._faults.values()), None)

    def note_unwritten(self, topic: str, reason: str) -> None:
        """The broker does not take a message on this topic."""
        self._note(topic, f"write {topic.rpartition('/')[0]}/#", f"write {topic}", reason)

    def note_unread(self, topic: str, reason: str) -> None:
        """The broker does not send us what comes on this topic."""
        self._note(topic, f"read {topic}", f"read {topic}", reason)

    def forget(self, topic: str) -> bool:
        """The broker took a message on this topic; tell whether it had refused one before."""
        return self._faults.pop(topic, None) is not None

    def _note(self, topic: str, allow: str, what: str, reason: str) -> None:
        if topic in self._faults:
            return
        detail = f"{self._place}: may not {what}: {reason}"
        remedy = f"let it {allow}" if reason == NOT_AUTHORIZED else "see the broker's settings"
        self._faults[topic] = Fault(REFUSED.what, remedy, detail)
        log.warning("MQTT: %s", detail)
