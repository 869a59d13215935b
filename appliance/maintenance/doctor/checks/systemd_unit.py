"""The unit that systemd runs the appliance as, and how it fares."""

import functools
from pathlib import Path

from appliance.maintenance.doctor.result import CheckResult, failed, fine, not_tried, warning
from appliance.system.processes import CommandError, Run, output

NAME = "appliance.service"

JOURNAL = "see why: journalctl -u appliance"

ANSWER_TIMEOUT = 5.0
"""Seconds for systemctl to answer."""

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "ActiveEnterTimestamp",
    "NRestarts",
    "Result",
    "ExecMainStatus",
    "User",
    "SupplementaryGroups",
    "StateDirectory",
)


class Unit:
    """The appliance's unit as systemd knows it, asked once (systemctl(1), `show`)."""

    def __init__(self, run: Run = output) -> None:
        self._run = run

    @functools.cached_property
    def _properties(self) -> dict[str, str]:
        """What systemd says of the unit; nothing where it does not run."""
        command = ["systemctl", "show", NAME, "--property", ",".join(_PROPERTIES)]
        try:
            said = self._run(command, time_limit=ANSWER_TIMEOUT).decode("utf-8", "replace")
        except CommandError:
            return {}
        return {name: value for name, _, value in (row.partition("=") for row in said.splitlines())}

    @property
    def is_known(self) -> bool:
        """Whether the unit is installed."""
        return self._properties.get("LoadState") == "loaded"

    @property
    def is_up(self) -> bool:
        """Whether systemd runs the appliance, or is about to."""
        running = {"active", "activating", "reloading"}
        return self.is_known and self._properties.get("ActiveState") in running

    @property
    def user(self) -> str:
        """The name of the user that the service runs as; empty where there is none of its own."""
        return self._properties.get("User", "") if self.is_known else ""

    @property
    def groups(self) -> list[str]:
        """The names of the groups that the service has besides its user's own."""
        return self._properties.get("SupplementaryGroups", "").split() if self.is_known else []

    @property
    def state_directory(self) -> str:
        """The folder that systemd makes for the service's state; empty where it makes none."""
        name = self._properties.get("StateDirectory", "") if self.is_known else ""
        return f"/var/lib/{name.split()[0]}" if name else ""

    def makes(self, folder: Path) -> bool:
        """Tell whether systemd makes this folder when it starts the service."""
        return str(folder) == self.state_directory

    def examine(self) -> CheckResult:
        """Tell whether it is active, starts at boot, and stays up."""
        said = self._properties
        if not said:
            return not_tried("systemd does not run here, or does not answer")
        if not self.is_known:
            load_state = said.get("LoadState", "not known")
            unmask = "sudo systemctl unmask appliance, then " if load_state == "masked" else ""
            return warning(
                f"{NAME} is {load_state}",
                f"to run from boot, install it: {unmask}sudo ./scripts/install",
            )
        state = f"{said.get('ActiveState')} ({said.get('SubState')})"
        last = f"last end: {said.get('Result')}, exit status {said.get('ExecMainStatus')}"
        if said.get("ActiveState") == "failed" or said.get("SubState") == "auto-restart":
            return failed(f"{state}; {last}", JOURNAL)
        if said.get("ActiveState") == "activating":
            return warning(f"{state}: it is not ready yet", "wait a moment, then try again")
        if said.get("ActiveState") != "active":
            return warning(f"{state}; {last}", "start it: sudo systemctl start appliance")
        return self._examine_active(said)

    def _examine_active(self, said: dict[str, str]) -> CheckResult:
        since = f"active since {said.get('ActiveEnterTimestamp')}"
        if said.get("UnitFileState") != "enabled":
            return warning(
                f"{since}, {said.get('UnitFileState') or 'not enabled'}",
                "let it start at boot: sudo systemctl enable appliance",
            )
        restarts = int(said.get("NRestarts") or 0)
        if restarts:
            return warning(f"{since}, enabled; restarts by itself until now: {restarts}", JOURNAL)
        return fine(f"{since}, enabled, never restarted by itself")
