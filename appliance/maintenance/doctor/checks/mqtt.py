"""Check of the MQTT broker, if there is one: it accepts the appliance and its messages."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.core.late_imports import import_lock
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed, faulty, fine, not_tried
from appliance.maintenance.doctor.runner import Check
from appliance.mqtt.errors import REFUSED, BrokerError
from appliance.mqtt.topics import Topics
from appliance.settings import Settings, secrets

if TYPE_CHECKING:
    from appliance.mqtt.broker_connection import BrokerConnection

ECHO_TIMEOUT = 5.0
"""Seconds for a message to go to the broker and come back."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the broker, if the settings name one."""
    if context.settings.mqtt.host:
        yield Check(
            "MQTT",
            lambda: check_broker(context.settings, context.machine.stores),
            time_limit=10,
            overdue_remedy="check mqtt.host, or the broker",
            needs=NEEDS_SETTINGS,
        )


def check_broker(
    settings: Settings, stores: Sequence[Path], echo_timeout: float = ECHO_TIMEOUT
) -> CheckResult:
    """Connect as the appliance would, send a message that comes back, and disconnect.

    The client id is another: the broker would drop a running appliance with the same one.

    Args:
        settings: all of them; `mqtt.host` is set.
        stores: folders where systemd finds the password of the service.
        echo_timeout: seconds for the message to come back.
    """
    # Few boxes have a broker, and paho takes a while to load on a Zero.
    with import_lock:
        from appliance.mqtt.broker_connection import BrokerConnection  # noqa: PLC0415 - see above

    mqtt = settings.mqtt
    places = [Path(mqtt.password_file)] if mqtt.password_file else []
    places += [store / secrets.MQTT_PASSWORD for store in stores]
    readable = [place for place in places if os.access(place, os.R_OK)]
    password = secrets.mqtt_password(readable[0]) if readable else ""
    received: list[str] = []
    connection = BrokerConnection(
        mqtt,
        password,
        f"{Topics.of(settings).identity}_doctor",
        receive=lambda topic, _payload, _retained: received.append(topic),
    )
    try:
        connection.open()
        obstacle = _send_message(connection, settings.name, received, echo_timeout)
    except BrokerError as error:
        refused = error.fault.what == REFUSED.what
        if refused and not readable and _may_be_unreadable([*places, *stores]):
            return not_tried("only root may read the password", "try with sudo")
        return faulty(error.fault)
    connection.close(0.0)
    how = "over TLS" if mqtt.tls else "without TLS"
    return obstacle or fine(f"{connection.address} lets the appliance in, {how}")


def _send_message(
    connection: "BrokerConnection", name: str, received: Sequence[str], echo_timeout: float
) -> CheckResult | None:
    """Send a message and wait for it; return what keeps it from coming back.

    Raises:
        BrokerError: the connection is lost.
    """
    topic = f"appliance/{name}/doctor"
    connection.subscribe([topic])
    connection.publish(topic, b"Can this be written and read?")
    deadline = time.monotonic() + echo_timeout
    while not received and not connection.refusal and (left := deadline - time.monotonic()) > 0:
        connection.wait(left)
    if received:
        return None
    refusal = connection.refusal
    why = (
        refusal.detail if refusal else f"{connection.address}: messages on {topic} don't come back"
    )
    return failed(f"{REFUSED.what} ({why})", f"let it read and write appliance/{name}/#")


def _may_be_unreadable(places: Sequence[Path]) -> bool:
    """Return whether there may be a password that this user can't read."""
    return any(os.access(place, os.F_OK) and not os.access(place, os.R_OK) for place in places)
