"""What is checked on a box, in which order, and what must go well before."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gpiozero.pins import Factory

from appliance.hardware.portaudio import Audio, quiet_audio
from appliance.maintenance.doctor.checks import (
    board,
    button,
    clock,
    disk,
    microphone,
    mqtt,
    permissions,
    running_appliance,
    screen,
    status_led,
)
from appliance.maintenance.doctor.checks.network import Peer
from appliance.maintenance.doctor.checks.running_appliance import RunningAppliance
from appliance.maintenance.doctor.checks.service import OF_THE_FALLBACK, STORES, ServiceCheck
from appliance.maintenance.doctor.checks.settings import examine_settings, examine_version
from appliance.maintenance.doctor.checks.systemd_unit import Unit
from appliance.maintenance.doctor.result import CheckResult, not_tried
from appliance.maintenance.doctor.runner import Check
from appliance.screen.panels.base import Panel
from appliance.screen.panels.factory import open_panel
from appliance.settings import Settings, SettingsError, load
from appliance.settings.schema import DisplaySettings
from appliance.system import status_file
from appliance.system.processes import Run, output
from appliance.system.status_file import Condition

SETTINGS = "settings"

_GOOD_SETTINGS = {SETTINGS: "the settings can't be used"}

_CHECK_NETWORK = "check Wi-Fi or cable"


class Surroundings(NamedTuple):
    """The box, and where things are on it; tests put others in their place."""

    audio: Callable[[], Audio] = quiet_audio
    pin_factory: Factory | None = None
    open_panel: Callable[[DisplaySettings], Panel | None] = open_panel
    run: Run = output
    dev: Path = permissions.DEVICES
    sys: Path = board.SYS
    stores: Sequence[Path] = STORES


class Plan:
    """The checks of one box, in the order in which they are told.

    Args:
        path: the settings file.
        around: the box.
        tell: tells the person who looks on what to do; None where nobody does.
    """

    def __init__(
        self,
        path: Path,
        around: Surroundings = Surroundings(),  # noqa: B008 - immutable
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._path = path
        self._around = around
        self._tell = tell
        self._settings = Settings()
        self._problems: list[str] = []
        try:
            self._settings = load(path)
        except SettingsError as error:
            self._problems = error.problems
        self._unit = Unit(around.run)
        self._resident = self._observe()

    def checks(self) -> list[Check]:
        """Return all checks, each behind those that it needs."""
        visit = ServiceCheck(self._settings.service, self._observe, self._around.stores)
        return [
            *self._of_program(),
            *self._of_board(),
            *self._of_parts(),
            *self._of_network(),
            *self._of_service(visit),
            *self._of_others(visit),
        ]

    def _observe(self) -> RunningAppliance | None:
        """Return the appliance that runs here, or that systemd has just started."""
        resident = running_appliance.observe(status_file.to_read())
        # It takes its parts before it first tells anything of itself.
        return RunningAppliance(None) if resident is None and self._unit.is_up else resident

    def _of_program(self) -> Iterator[Check]:
        path, resident = self._path, self._resident
        yield Check("version", lambda: examine_version(resident))
        yield Check(SETTINGS, lambda: examine_settings(path, self._problems, resident))
        yield Check("unit", self._unit.examine, limit=6)
        yield Check("appliance", lambda: running_appliance.examine(resident))

    def _of_board(self) -> Iterator[Check]:
        settings, unit, around = self._settings, self._unit, self._around
        yield Check(
            "permissions",
            lambda: permissions.examine(unit, settings, self._path, around.dev),
            limit=10,
        )
        yield Check("disk", lambda: disk.examine(settings, unit), needs=_GOOD_SETTINGS, limit=10)
        yield Check("power", lambda: board.examine_power(around.run, around.sys), limit=6)
        yield Check(
            "I2C",
            lambda: board.examine_bus_speed(settings.display, around.sys),
            needs=_GOOD_SETTINGS,
        )

    def _of_parts(self) -> Iterator[Check]:
        """Yield the checks of what has one owner at a time, to be tried one after the other."""
        settings, around, tell = self._settings, self._around, self._tell
        show = functools.partial(screen.examine, settings, tell, open_panel=around.open_panel)
        hear = functools.partial(microphone.examine, settings.microphone, tell, around.audio)
        feel = functools.partial(
            button.examine, settings.button, tell, pin_factory=around.pin_factory
        )
        yield self._part("OLED", running_appliance.examine_screen, show, limit=8)
        yield self._part("microphone", running_appliance.examine_microphone, hear, limit=10)
        yield self._part(
            "button",
            running_appliance.examine_button,
            feel,
            limit=10 + button.PRESS_TIME * (tell is not None),
        )
        if self._resident is None and settings.light.pin != "none":
            # Of a running appliance's light only faults are known, and told with the appliance.
            glow = functools.partial(
                status_led.examine, settings.light, tell, pin_factory=around.pin_factory
            )
            yield Check("light", glow, 10, needs=_GOOD_SETTINGS, in_turn=True)

    def _part(
        self,
        name: str,
        told: Callable[[Condition], CheckResult],
        tried: Callable[[], CheckResult],
        limit: float,
    ) -> Check:
        resident = self._resident
        if resident is None:
            return Check(name, tried, limit, needs=_GOOD_SETTINGS, in_turn=True)
        status = resident.status
        if status is None:
            return Check(name, lambda: resident.untold)
        if resident.hangs:
            return Check(name, lambda: not_tried("the appliance has it, and hangs"))
        return Check(name, lambda: told(status))

    def _of_network(self) -> Iterator[Check]:
        settings = self._settings.service
        service, token_server = Peer.service(settings), Peer.token_server(settings)
        yield from _way_to(service, "DNS", "TLS")
        if token_server:
            yield from _way_to(token_server, "token DNS", "token TLS")
        yield Check(
            "clock", lambda: clock.examine(service), limit=8, needs={"DNS": "no address to ask"}
        )

    def _of_service(self, visit: ServiceCheck) -> Iterator[Check]:
        has_token_server = Peer.token_server(self._settings.service) is not None
        way = "token TLS" if has_token_server else "TLS"
        yield Check(
            "token",
            visit.fetch_token,
            limit=8,
            when_stuck="check the network",
            needs={way: "nobody to fetch it from"},
        )
        yield Check(
            "session",
            visit.hold_session,
            limit=10,
            when_stuck="check the network",
            needs={"TLS": "no service to open it at", "token": "no token"},
        )

    def _of_others(self, visit: ServiceCheck) -> Iterator[Check]:
        """Yield the checks of what the box may do without."""
        if self._settings.service.fallback_url:
            yield Check(
                "fallback",
                visit.try_fallback,
                limit=15,
                when_stuck=OF_THE_FALLBACK,
                needs=_GOOD_SETTINGS,
            )
        if self._settings.mqtt.host:
            yield Check(
                "MQTT",
                lambda: mqtt.examine(self._settings, self._around.stores),
                limit=10,
                when_stuck="check mqtt.host, or the broker",
                needs=_GOOD_SETTINGS,
            )


def _way_to(peer: Peer, name: str, trust: str) -> Iterator[Check]:
    yield Check(name, peer.look_up, when_stuck=_CHECK_NETWORK, needs=_GOOD_SETTINGS)
    yield Check(
        trust,
        peer.connect,
        limit=6,
        when_stuck="check the network",
        needs={name: "no address"},
    )
