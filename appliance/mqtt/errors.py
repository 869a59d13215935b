"""Faults of the broker, in words for the person who must act."""

import logging
import struct

from appliance.core.faults import Fault
from appliance.core.network_errors import Cause, cause_of

log = logging.getLogger(__name__)

AWAY = Fault("No MQTT broker", "check mqtt.host, or the broker")
REFUSED = Fault("MQTT refused", "check mqtt.username and its password")
PASSWORD_TOO_LONG = Fault("MQTT refused", "check mqtt.password_file")
UNTRUSTED = Fault("MQTT not trusted", "check mqtt.tls")
TOO_EARLY = Fault("MQTT not trusted", "the clock is not set yet")
DROPPED = Fault("MQTT keeps dropping", "is this box's name used twice?")

NO_BROKER = "no broker"
NO_ANSWER = "no answer from the broker"
REFUSES = "the broker refuses"
"""Why a message that somebody waited for was not published, in words for the screen."""

NOT_AUTHORIZED = "Not authorized"
"""The broker's reason where its access list is too short (MQTT 5.0, section 3.4.2.1)."""


class BrokerError(Exception):
    """There is no connection to the broker; `fault` says why."""

    def __init__(self, fault: Fault, detail: str) -> None:
        self.fault = Fault(fault.what, fault.remedy, detail)
        super().__init__(str(self.fault))


class AccessRefusals:
    """Topics that the broker does not let us read or write, although it has let us in.

    Args:
        address: the broker's host and port.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._faults: dict[str, Fault] = {}

    @property
    def fault(self) -> Fault | None:
        """The first of them in words for the owner, if there is any."""
        return next(iter(self._faults.values()), None)

    def add(self, verb: str, topic: str, reason: str) -> None:
        """Note that a topic can't be used; `verb` is "read" or "write"."""
        if topic in self._faults:
            return
        topics = topic if verb == "read" else f"{topic.rpartition('/')[0]}/#"
        allow = f"let it {verb} {topics}"
        remedy = allow if reason == NOT_AUTHORIZED else "see the broker's settings"
        detail = f"{self._address}: may not {verb} {topic}: {reason}"
        self._faults[topic] = Fault(REFUSED.what, remedy, detail)
        log.warning("MQTT: %s", detail)

    def remove(self, topic: str) -> bool:
        """Note that a topic can be used; return whether it could not be before."""
        return self._faults.pop(topic, None) is not None


def failure_of(error: Exception, address: str) -> BrokerError:
    """Return the error for an exception that was raised while connecting to `address`."""
    if isinstance(error, struct.error):
        return BrokerError(REFUSED, f"{address}: a name or password too long for MQTT")
    faults = {
        Cause.CERTIFICATE: UNTRUSTED,
        Cause.EXPIRED: UNTRUSTED,
        Cause.CA_FILE: UNTRUSTED,
        Cause.CLOCK: TOO_EARLY,
    }
    cause = cause_of(error)
    return BrokerError(faults.get(cause, AWAY), f"{address}: {_reason(error) or cause.value}")


def untrusted(file: str, error: OSError) -> BrokerError:
    """Return the error for a file from which certificates can't be read."""
    return BrokerError(UNTRUSTED, f"{file}: {_reason(error)}")


def _reason(error: Exception) -> object:
    return getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
