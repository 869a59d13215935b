"""How a broker can fail us, in words for the person who must act."""

from appliance.events import Fault
from appliance.streaming.endings import Cause, cause_of

AWAY = Fault("No MQTT broker", "check mqtt.host, or the broker")
REFUSED = Fault("MQTT refused", "check mqtt.username and its password")
UNTRUSTED = Fault("MQTT not trusted", "check mqtt.tls")
TOO_EARLY = Fault("MQTT not trusted", "the clock is not set yet")
DROPPED = Fault("MQTT keeps dropping", "is this box's name used twice?")


class BrokerError(Exception):
    """There is no connection to the broker; `fault` says why."""

    def __init__(self, fault: Fault, detail: str) -> None:
        self.fault = Fault(fault.what, fault.remedy, detail)
        super().__init__(str(self.fault))


def failure_of(error: OSError | ValueError, place: str) -> BrokerError:
    """Return what an exception means that came of connecting to `place`."""
    faults = {Cause.CERTIFICATE: UNTRUSTED, Cause.CLOCK: TOO_EARLY}
    cause = cause_of(error)
    reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
    return BrokerError(faults.get(cause, AWAY), f"{place}: {reason or cause.value}")
