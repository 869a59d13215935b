"""How a broker can fail us, in words for the person who must act."""

import struct

from appliance.core.events import Fault
from appliance.core.network_errors import Cause, cause_of

AWAY = Fault("No MQTT broker", "check mqtt.host, or the broker")
REFUSED = Fault("MQTT refused", "check mqtt.username and its password")
PASSWORD_TOO_LONG = Fault("MQTT refused", "check mqtt.password_file")
UNTRUSTED = Fault("MQTT not trusted", "check mqtt.tls")
TOO_EARLY = Fault("MQTT not trusted", "the clock is not set yet")
DROPPED = Fault("MQTT keeps dropping", "is this box's name used twice?")


class BrokerError(Exception):
    """There is no connection to the broker; `fault` says why."""

    def __init__(self, fault: Fault, detail: str) -> None:
        self.fault = Fault(fault.what, fault.remedy, detail)
        super().__init__(str(self.fault))


def failure_of(error: Exception, place: str) -> BrokerError:
    """Return what an exception means that came of connecting to `place`."""
    if isinstance(error, struct.error):
        return BrokerError(REFUSED, f"{place}: a name or password too long for MQTT")
    faults = {Cause.CERTIFICATE: UNTRUSTED, Cause.CLOCK: TOO_EARLY}
    cause = cause_of(error)
    return BrokerError(faults.get(cause, AWAY), f"{place}: {_reason(error) or cause.value}")


def untrusted(file: str, error: OSError) -> BrokerError:
    """Return what it means that certificates can't be read from a file."""
    return BrokerError(UNTRUSTED, f"{file}: {_reason(error)}")


def _reason(error: Exception) -> object:
    return getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
