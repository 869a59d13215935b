"""Registry of the checks, in the order of the report."""

from collections.abc import Callable, Iterator

from appliance.maintenance.doctor.checks import (
    board,
    button,
    clock,
    disk,
    history,
    microphone,
    mqtt,
    network,
    permissions,
    running_appliance,
    screen,
    service,
    settings,
    state,
    status_led,
    systemd_unit,
)
from appliance.maintenance.doctor.context import Context
from appliance.maintenance.doctor.runner import Check

REGISTRY: tuple[Callable[[Context], Iterator[Check]], ...] = (
    settings.checks,
    systemd_unit.checks,
    running_appliance.checks,
    permissions.checks,
    disk.checks,
    history.checks,
    state.checks,
    board.checks,
    screen.checks,
    microphone.checks,
    button.checks,
    status_led.checks,
    network.checks,
    clock.checks,
    service.checks,
    mqtt.checks,
)
"""Functions that yield the checks of a machine; a check stands behind those that it needs."""


def plan(context: Context) -> list[Check]:
    """Return all checks of a machine."""
    return [check for checks in REGISTRY for check in checks(context)]
