"""Identity and clock of one recording."""

from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Recording(msgspec.Struct, frozen=True):
    """When a session began, by both clocks, and on which boot.

    `started` is Unix time as the clock said it, right or wrong; `monotonic` is the same moment on
    the monotonic clock, which means nothing on another boot. Both are in seconds. `finished` says
    that a person pressed to end the session.
    """

    session: str
    started: float
    monotonic: float
    boot: str
    finished: bool = False


def boot_id() -> str:
    """Return the identity of this boot of the machine."""
    return BOOT_ID.read_text(encoding="ascii").strip()
