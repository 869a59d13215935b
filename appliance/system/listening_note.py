"""Note in memory that names the session whose microphone is open.

It outlives the program but not the boot, and no bad disk can keep it from being written or removed.
So a session that has a note was cut off, and one that a person ended never has one.
"""

import contextlib
import hashlib
import logging
import os
from pathlib import Path

from appliance.system import files

log = logging.getLogger(__name__)

MEMORY = Path("/dev/shm")  # noqa: S108 - only files of this user are believed
"""Folder whose files are in memory, on every Linux."""

MAX_SIZE = 256
"""Bytes read of a note; the usual one has 8."""


class ListeningNote:
    """Note of one state folder.

    >>> note = ListeningNote(Path("/var/lib/example"))
    >>> note.write("5f3a9c01")
    >>> note.read()
    '5f3a9c01'
    >>> note.clear()
    >>> note.read()
    ''

    Args:
        state: the state folder; each has a note of its own.
        memory: folder whose files are in memory.
    """

    def __init__(self, state: Path, memory: Path = MEMORY) -> None:
        name = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:16]
        self.path = memory / f"appliance-listening-{os.geteuid()}-{name}"

    def write(self, session: str) -> None:
        """Note that the microphone is open for a session."""
        try:
            files.replace(self.path, session.encode(), mode=0o600)
        except OSError as error:
            log.warning("no session will outlive a crash: %s: %s", self.path, files.reason(error))

    def clear(self) -> None:
        """Note that the microphone is closed."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def read(self) -> str:
        """Return the session whose microphone was open last; empty if it was closed."""
        try:
            if self.path.lstat().st_uid != os.geteuid():
                return ""
            return files.read(self.path, MAX_SIZE).decode()
        except (OSError, UnicodeError):
            return ""
