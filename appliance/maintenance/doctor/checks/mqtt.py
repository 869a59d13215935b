"""The house's broker, where there is one: that it lets the appliance in, and do what it must."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.maintenance.doctor.checks.service import STORES
from appliance.maintenance.doctor.result import CheckResult, failed, failing, fine, not_tried
from appliance.mqtt.errors import REFUSED, BrokerError
from appliance.mqtt.topics import Topics
from appliance.settings import Settings, secrets

if TYPE_CHECKING:
    from appliance.mqtt.connection import Connection

PATIENCE = 5.0
"""Seconds for a message to go to the broker and come back."""


def examine(settings: Settings, stores: Sequence[Path] = STORES) -> CheckResult:
    """Connect as the appliance would, send it a message, and leave again.

    It is done under another name: the broker would drop an appliance of the same one.

    Args:
        settings: all of them; `mqtt.host` is set.
        stores: folders where systemd finds the password that it gives the service.
    """
    # Few boxes have a broker, and paho takes a while to load on a Zero.
    from appliance.mqtt.connection import Connection  # noqa: PLC0415 - see above

    mqtt = settings.mqtt
    places = [Path(mqtt.password_file)] if mqtt.password_file else []
    places += [store / secrets.MQTT_PASSWORD for store in stores]
    readable = [place for place in places if os.access(place, os.R_OK)]
    password = secrets.mqtt_password(readable[0]) if readable else ""
    came: list[str] = []
    connection = Connection(
        mqtt,
        password,
        f"{Topics.of(settings).identity}_doctor",
        receive=lambda topic, _payload, _retained: came.append(topic),
    )
    try:
        connection.open()
        finding = _try_it(connection, settings.name, came)
    except BrokerError as failure:
        refused = failure.fault.what == REFUSED.what
        if refused and not readable and _is_kept_back([*places, *stores]):
            return not_tried("only root may read the password", "try with sudo")
        return failing(failure.fault)
    connection.close(0.0)
    how = "over TLS" if mqtt.tls else "without TLS"
    return finding or fine(f"{connection.place} lets the appliance in, {how}")


def _try_it(connection: "Connection", name: str, came: Sequence[str]) -> CheckResult | None:
    """Send a message and wait for it; return what hinders it.

    Raises:
        BrokerError: the connection is lost.
    """
    topic = f"appliance/{name}/doctor"
    connection.subscribe([topic])
    connection.publish(topic, b"Can this be written and read?")
    until = time.monotonic() + PATIENCE
    while not came and not connection.refusal and (left := until - time.monotonic()) > 0:
        connection.wait(left)
    if came:
        return None
    refusal = connection.refusal
    why = refusal.detail if refusal else f"{connection.place}: what goes to {topic} is not brought"
    return failed(f"{REFUSED.what} ({why})", f"let it read and write appliance/{name}/#")


def _is_kept_back(places: Sequence[Path]) -> bool:
    """Tell whether there may be a password that this user can't read."""
    return any(os.access(place, os.F_OK) and not os.access(place, os.R_OK) for place in places)
