"""Identity and clock of one recording."""

from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Recording(msgspec.Struct, frozen=True):
    """When a session began, and on which boot: monotonic times mean nothing on another.

    `started` is Unix time as the clock said it, right or wrong; `monotonic` is the same moment on
    the monotonic clock. Both in seconds. `finished`: the person had pressed to end it.
    """

    session: str
    started: float
    monotonic: float
    boot: str
    finished: bool = False


def boot_id() -> str:
    """Return what names this boot of the machine."""
    return BOOT_ID.read_text(encoding="ascii").strip()
