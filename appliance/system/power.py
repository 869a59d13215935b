"""Switching off: asked of logind and systemd, over D-Bus."""

import logging
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
from jeepney.io.blocking import open_dbus_connection

from appliance.core.events import Fault

log = logging.getLogger(__name__)

_LOGIND = DBusAddress(
    "/org/freedesktop/login1",
    bus_name="org.freedesktop.login1",
    interface="org.freedesktop.login1.Manager",
)
_SYSTEMD = DBusAddress(
    "/org/freedesktop/systemd1",
    bus_name="org.freedesktop.systemd1",
    interface="org.freedesktop.systemd1.Manager",
)

_PATIENCE = 10.0
"""Seconds for an answer."""

_NO_ANSWER = (OSError, ValueError, DBusErrorResponse)


class PowerError(Exception):
    """The box can't be switched off; `fault` says so in words for a person."""

    def __init__(self, detail: str) -> None:
        self.fault = Fault("Can't switch off", "pull the plug when all is sent", detail)
        super().__init__(str(self.fault))


def power_off() -> None:
    """Ask logind to switch the box off; returns when it has begun to.

    Source: org.freedesktop.login1(5), PowerOff. A polkit rule lets the appliance's user ask.

    Raises:
        PowerError: there is no logind, or it refuses.
    """
    try:
        _ask(new_method_call(_LOGIND, "PowerOff", "b", (False,)))
    except _NO_ANSWER as error:
        raise PowerError(str(error)) from error


def is_shutting_down() -> bool:
    """Tell whether the whole system is about to go down, and not this program alone.

    Source: org.freedesktop.systemd1(5), SystemState. Where nobody knows, it is not.
    """
    try:
        ((_, state),) = _ask(Properties(_SYSTEMD).get("SystemState"))
    except _NO_ANSWER as error:
        log.debug("systemd does not say whether the system goes down: %s", error)
        return False
    return bool(state == "stopping")


def _ask(message: Any) -> Any:  # noqa: ANN401 - jeepney ships no types
    """Send a message on the system's bus; return the body of the answer.

    Raises:
        OSError: there is no bus, or no answer in time.
        ValueError: the bus lets nobody in, or its address makes no sense.
        DBusErrorResponse: the answer is no.
    """
    with open_dbus_connection(bus="SYSTEM") as bus:
        reply = bus.send_and_get_reply(message, timeout=_PATIENCE)
    if reply.header.message_type.name == "error":
        raise DBusErrorResponse(reply)
    return reply.body
