"""A systemd unit and a running appliance that are well, but for what a test changes."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from appliance.system.status_file import (
    ButtonStatus,
    Condition,
    MicrophoneStatus,
    ScreenStatus,
)
from tests.maintenance.programs import no_program

WELL = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "ActiveEnterTimestamp": "Sun 2026-11-22 09:14:03 CET",
    "NRestarts": "0",
    "Result": "success",
    "ExecMainStatus": "0",
    "User": "appliance",
    "SupplementaryGroups": "audio gpio i2c spi",
    "StateDirectory": "appliance",
}
"""What `systemctl show` says of a box that is well."""


class Systemd:
    """Answers `systemctl show` as systemd does: the properties asked for, a line each.

    There is no other program.
    """

    def __init__(self, **other: str) -> None:
        self.properties = {**WELL, **other}
        self.asked = 0

    def __call__(self, command: Sequence[str], **_: object) -> bytes:
        if command[0] != "systemctl":
            return no_program(command)
        self.asked += 1
        *question, names = command
        assert question == ["systemctl", "show", "appliance.service", "--property"]
        return "".join(f"{name}={self.properties[name]}\n" for name in names.split(",")).encode()


NOW = datetime(2026, 11, 22, 14, 5, 12, tzinfo=UTC)


def status(**other: Any) -> Condition:  # noqa: ANN401 - any field of a status
    """Return the status of a box that is well, but for what is given."""
    well = Condition(
        version="1.0",
        pid=os.getpid(),
        started=NOW,
        written=NOW,
        status="Ready: press to talk",
        faults=[],
        button=ButtonStatus(ready=True, pressed=NOW),
        screen=ScreenStatus("ssd1306", shows=True, frames=1234),
        microphone=MicrophoneStatus(open=False, name="USB", rate=48_000, level=0.0, loudest=0.7),
    )
    return msgspec.structs.replace(well, **other)
