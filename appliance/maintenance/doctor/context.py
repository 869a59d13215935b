"""Context of the checks: settings, machine, systemd unit and running appliance."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gpiozero.pins import Factory

from appliance.hardware.portaudio import Audio, quiet_audio
from appliance.maintenance.doctor.appliance_status import RunningAppliance, observe
from appliance.maintenance.doctor.result import CheckResult, not_tried
from appliance.maintenance.doctor.runner import Check
from appliance.maintenance.doctor.unit import Unit
from appliance.screen.panels.base import Panel
from appliance.screen.panels.factory import open_panel
from appliance.settings import Settings, SettingsError, last_good
from appliance.settings.load import DEFAULT_PATH, contents, parse
from appliance.settings.schema import DisplaySettings
from appliance.system import status_file
from appliance.system.files import reason
from appliance.system.processes import Run, output
from appliance.system.status_file import Condition
from appliance.system.supervision import OverdueError, run_within

SETTINGS = "settings"
"""Name of the check of the settings."""

NEEDS_SETTINGS = {SETTINGS: "the settings can't be used"}

SETTINGS_TIME_LIMIT = 5.0
"""Seconds to read the settings, in case a card does not answer."""

STORES = (Path("/etc/credstore"), Path("/run/credstore"), Path("/usr/lib/credstore"))
"""Folders where systemd looks for credentials (systemd.exec(5), `LoadCredential=`)."""

Prompt = Callable[[str], None]
"""Tells the person at the box what to do."""


class Machine(NamedTuple):
    """Devices and system of this machine; tests replace them."""

    audio: Callable[[], Audio] = quiet_audio
    pin_factory: Factory | None = None
    open_panel: Callable[[DisplaySettings], Panel | None] = open_panel
    run: Run = output
    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    stores: Sequence[Path] = STORES
    sleep: Callable[[float], None] = time.sleep


class Context:
    """What the checks of one machine know in common.

    Args:
        path: the settings file.
        machine: devices and system.
        prompt: tells the person at the box what to do; None if there is nobody.
        settings_time_limit: seconds to read the settings, in case a card does not answer.

    Attributes:
        settings: those in the file; the defaults if it can't be used.
        problems: a sentence for each mistake in the file.
        unit: the appliance's systemd unit.
        appliance: the appliance that runs now, if one does.
    """

    def __init__(
        self,
        path: Path,
        machine: Machine = Machine(),  # noqa: B008 - immutable
        prompt: Prompt | None = None,
        settings_time_limit: float = SETTINGS_TIME_LIMIT,
    ) -> None:
        self.path = path
        self.machine = machine
        self.prompt = prompt
        self._settings_time_limit = settings_time_limit
        self.settings = Settings()
        self.problems: list[str] = []
        self.unit = Unit(machine.run)
        try:
            self.settings = self._load()
        except SettingsError as error:
            self.problems = error.problems
        self.appliance = self.observe()

    def _load(self) -> Settings:
        """Return the settings; where a card does not answer, without a look at what they name.

        Raises:
            SettingsError: they can't be used.
        """
        try:
            return self._in_time(
                lambda: last_good.load_whole(self.path, self._last_good()).settings
            )
        except OverdueError:
            pass
        try:
            return self._in_time(lambda: parse(contents(self.path), self.path, alone=True))
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            raise SettingsError(self.path, [f"can't be read: {reason(error)}"]) from error
        except OverdueError as error:
            problem = "can't be read: the card does not answer"
            raise SettingsError(self.path, [problem]) from error

    def _in_time(self, work: Callable[[], Settings]) -> Settings:
        return run_within(self._settings_time_limit, work, f"check {SETTINGS}")

    def _last_good(self) -> last_good.GoodSettings | None:
        """Return the last good settings of the service, if it uses the same file."""
        folder = Path(self.unit.state_directory if self.path == DEFAULT_PATH else "/nowhere")
        return last_good.load(folder) if os.access(folder / last_good.NAME, os.R_OK) else None

    def observe(self) -> RunningAppliance | None:
        """Return the appliance that runs at this moment, or that systemd has just started."""
        appliance = observe(status_file.to_read())
        # It opens its devices before it first writes its status.
        return RunningAppliance(None) if appliance is None and self.unit.is_up else appliance

    def check_of_device(
        self,
        name: str,
        tried: Callable[[], CheckResult],
        reported: Callable[[Condition], CheckResult],
        time_limit: float,
    ) -> Check:
        """Return the check of a device that one program at a time can open.

        Args:
            name: name of the check.
            tried: opens the device.
            reported: judges it by the status of the running appliance, which has it open.
            time_limit: seconds for `tried`.
        """
        appliance = self.appliance
        if appliance is None:
            return Check(name, tried, time_limit, needs=NEEDS_SETTINGS, in_turn=True)
        status = appliance.status
        if status is None:
            return Check(name, lambda: appliance.unknown)
        if appliance.hangs:
            return Check(name, lambda: not_tried("the appliance has it, and hangs"))
        return Check(name, lambda: reported(status))
