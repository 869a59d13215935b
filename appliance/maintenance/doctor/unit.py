"""Systemd unit of the appliance."""

import functools
from pathlib import Path

from appliance.system.processes import CommandError, Run, output

NAME = "appliance.service"

SYSTEMCTL_TIMEOUT = 5.0
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
    """The appliance's systemd unit; systemd is asked once (systemctl(1), `show`)."""

    def __init__(self, run: Run = output) -> None:
        self._run = run

    @functools.cached_property
    def properties(self) -> dict[str, str]:
        """Properties of the unit; none where systemd does not run."""
        command = ["systemctl", "show", NAME, "--property", ",".join(_PROPERTIES)]
        try:
            rows = self._run(command, time_limit=SYSTEMCTL_TIMEOUT).decode("utf-8", "replace")
        except CommandError:
            return {}
        return {name: value for name, _, value in (row.partition("=") for row in rows.splitlines())}

    @property
    def is_known(self) -> bool:
        """Whether the unit is installed."""
        return self.properties.get("LoadState") == "loaded"

    @property
    def is_up(self) -> bool:
        """Whether systemd runs the appliance, or is about to."""
        running = {"active", "activating", "reloading"}
        return self.is_known and self.properties.get("ActiveState") in running

    @property
    def user(self) -> str:
        """Name of the service's user; empty where the unit names none."""
        return self.properties.get("User", "") if self.is_known else ""

    @property
    def groups(self) -> list[str]:
        """Names of the service's groups besides its user's own."""
        return self.properties.get("SupplementaryGroups", "").split() if self.is_known else []

    @property
    def state_directory(self) -> str:
        """Folder that systemd makes for the service's state; empty where it makes none."""
        name = self.properties.get("StateDirectory", "") if self.is_known else ""
        return f"/var/lib/{name.split()[0]}" if name else ""

    def makes(self, folder: Path) -> bool:
        """Return whether systemd makes this folder when it starts the service."""
        return str(folder) == self.state_directory
