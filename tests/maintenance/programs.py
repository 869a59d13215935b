"""The system's programs, as far as a report asks them."""

from collections.abc import Sequence

from appliance.system.processes import CommandError, output

LINE = b"2026-01-31T14:05:00 kitchen appliance[7]: "


def no_program(command: Sequence[str], **_: object) -> bytes:
    """Answer as `output` does where no program is installed.

    Raises:
        CommandError: always.
    """
    raise CommandError(f"{command[0]}: No such file or directory")


class Programs:
    """Answers for the journal, systemd and mount; anything else really runs.

    `journals` holds what was logged at each start, the latest last.
    """

    def __init__(self) -> None:
        self.journals = [LINE + b"the start before\n", LINE + b"this start, with the-key\n"]
        self.called: list[list[str]] = []
        self.failing: str | None = None

    def __call__(self, command: Sequence[str], **_: object) -> bytes:
        self.called.append([*command])
        if command[0] == self.failing:
            raise CommandError(f"{command[0]} failed")
        match command[0]:
            case "journalctl" if "--dmesg" in command:
                return b"kernel: hwmon: Undervoltage detected!\nkernel: usb 1-1: new device\n"
            case "journalctl":
                boot = next(part for part in command if part.startswith("--boot="))
                return self._journal(int(boot.removeprefix("--boot=")))
            case "systemctl":
                return b"ActiveState=active\nNRestarts=0\n"
            case "mount" | "umount":
                return b""
        return output(command)  # the box belongs to whoever runs the test

    def _journal(self, boot: int) -> bytes:
        try:
            return self.journals[boot - 1]
        except IndexError:
            raise CommandError("Data from the specified boot is not available") from None
