"""Power-off through logind, and whether the system shuts down; over D-Bus."""

import logging
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
from jeepney.io.blocking import open_dbus_connection

from appliance.core.faults import Fault

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

_REPLY_TIMEOUT = 10.0
"""Seconds for logind or systemd to reply."""

_CALL_ERRORS = (OSError, ValueError, DBusErrorResponse)


class PowerError(Exception):
    """The system can't be switched off; `fault` says so on the screen."""

    def __init__(self, detail: str) -> None:
        self.fault = Fault("Can't switch off", "pull the plug when all is sent", detail)
        super().__init__(str(self.fault))


def power_off() -> None:
    """Ask logind to switch the system off; return when it has begun to.

    Source: org.freedesktop.login1(5), PowerOff. A polkit rule allows it to the appliance's user.

    Raises:
        PowerError: there is no logind, or it refuses.
    """
    try:
        _ask(new_method_call(_LOGIND, "PowerOff", "b", (False,)))
    except _CALL_ERRORS as error:
        raise PowerError(str(error)) from error


def is_shutting_down() -> bool:
    """Return whether the whole system shuts down, and not this program alone.

    Source: org.freedesktop.systemd1(5), SystemState. Without an answer, it does not.
    """
    try:
        ((_, state),) = _ask(Properties(_SYSTEMD).get("SystemState"))
    except _CALL_ERRORS as error:
        log.debug("systemd does not say whether the system shuts down: %s", error)
        return False
    return bool(state == "stopping")


def _ask(message: Any) -> Any:  # noqa: ANN401 - jeepney ships no types
    """Send a message on the system bus; return the body of the reply.

    Raises:
        OSError: there is no bus, or no reply in time.
        ValueError: the bus refuses the connection, or its address is invalid.
        DBusErrorResponse: the reply is an error.
    """
    with open_dbus_connection(bus="SYSTEM") as bus:
        reply = bus.send_and_get_reply(message, timeout=_REPLY_TIMEOUT)
    if reply.header.message_type.name == "error":
        raise DBusErrorResponse(reply)
    return reply.body
