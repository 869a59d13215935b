"""Environment variables that C libraries of the hardware need.

They are set before the first thread starts: a C library that reads the environment, as PortAudio
does a hundred times at its start, may crash while another thread adds a variable.
"""

import logging
import os
from pathlib import Path

from appliance.core.late_imports import import_lock

log = logging.getLogger(__name__)


def prepare() -> None:
    """Set the variables that are not set yet.

    Commands that use hardware call it first of all; parts call it again, as each can be used alone.
    """
    # PortAudio asks JACK for its devices, which would start JACK's server.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    if "LG_WD" not in os.environ:
        os.environ["LG_WD"] = str(_directory_for_lgpio())


def runtime_directory() -> Path | None:
    """Return the folder for files that need not survive a restart; None if systemd named none."""
    named = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(named) if named else None


def _directory_for_lgpio() -> Path:
    """Return the folder for lgpio's pipe, which lgpio would put into the working directory."""
    directory = runtime_directory() or _temporary_directory()
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        log.warning("can't make the folder %s for lgpio: %s", directory, error.strerror)
    return directory


def _temporary_directory() -> Path:
    with import_lock:
        import tempfile  # noqa: PLC0415 - not needed under systemd

    return Path(tempfile.gettempdir(), f"appliance-{os.getuid()}")
