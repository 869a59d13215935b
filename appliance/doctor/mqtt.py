"""The house's broker, where there is one: that it is there, and lets the appliance in."""

import os
from collections.abc import Sequence
from pathlib import Path

from appliance import credentials
from appliance.config import Settings
from appliance.doctor.finding import Finding, failing, fine, not_tried
from appliance.doctor.service import STORES
from appliance.integrations.house.failures import REFUSED, BrokerError
from appliance.integrations.house.topics import Topics


def examine(settings: Settings, stores: Sequence[Path] = STORES) -> Finding:
    """Connect as the appliance would, and leave again.

    It is done under another name: the broker would drop an appliance of the same one.

    Args:
        settings: all of them; `mqtt.host` is set.
        stores: folders where systemd finds the password that it gives the service.
    """
    # Few boxes have a broker, and paho takes a while to load on a Zero.
    from appliance.integrations.house.connection import Connection  # noqa: PLC0415 - see above

    mqtt = settings.mqtt
    places = [Path(mqtt.password_file)] if mqtt.password_file else []
    places += [store / credentials.MQTT_PASSWORD for store in stores]
    readable = [place for place in places if os.access(place, os.R_OK)]
    password = credentials.mqtt_password(readable[0]) if readable else ""
    connection = Connection(mqtt, password, f"{Topics.of(settings).identity}_doctor")
    try:
        connection.open()
    except BrokerError as failure:
        refused = failure.fault.what == REFUSED.what
        if refused and not readable and _is_kept_back(mqtt.password_file, stores):
            return not_tried("only root may read the password", "try with sudo")
        return failing(failure.fault)
    connection.close(0.0)
    how = "over TLS" if mqtt.tls else "without TLS"
    return fine(f"{connection.place} lets the appliance in, {how}")


def _is_kept_back(file: str, stores: Sequence[Path]) -> bool:
    """Tell whether there may be a password that this user can't read."""
    return any(
        os.access(place, os.F_OK) and not os.access(place, os.R_OK)
        for place in (Path(file), *stores)
    )
