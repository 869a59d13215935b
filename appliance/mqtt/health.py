"""Health of the broker: its faults and its recovery, each reported once."""

import logging

from msgspec.structs import replace

from appliance.core.events import BrokerFailed, BrokerRecovered, Post
from appliance.core.faults import Fault
from appliance.mqtt.errors import DROPPED
from appliance.mqtt.reconnect import Reconnect

log = logging.getLogger(__name__)


class BrokerHealth:
    """Reports of the broker's faults; that a connection was lost is no fault at first.

    Args:
        post: gets BrokerFailed and BrokerRecovered.
        reconnect: counts lost and failed connections.
    """

    def __init__(self, post: Post, reconnect: Reconnect) -> None:
        self._post = post
        self._reconnect = reconnect
        self._reported: Fault | None = None

    def note_failure(self, fault: Fault) -> None:
        """Note that a connection was lost, or could not be made."""
        was_connected = self._reconnect.failed()
        if was_connected:
            log.warning("MQTT: %s; trying again", fault.detail)
        if self._reconnect.keeps_dropping:
            self._report(replace(DROPPED, detail=fault.detail))
        elif not was_connected:
            self._report(fault)

    def note_connection(self, refusal: Fault | None, *, all_answered: bool) -> None:
        """Note what a connection is like.

        Args:
            refusal: what the broker does not let us do, if anything.
            all_answered: whether it has taken or refused all that was published.
        """
        if refusal:
            self._report(refusal)
        elif self._reported and all_answered and not self._reconnect.keeps_dropping:
            self._reported = None
            self._post(BrokerRecovered())

    def _report(self, fault: Fault) -> None:
        last = self._reported
        if last is None or (last.what, last.remedy) != (fault.what, fault.remedy):
            log.warning("%s; trying again", fault)
            self._reported = fault
            self._post(BrokerFailed(fault))
