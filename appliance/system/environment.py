"""The environment variables that the libraries behind the hardware want.

They must be set before the first thread: a C library that reads the environment, as PortAudio's
do a hundred times when they start, may crash while another thread adds a variable.
"""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


def prepare() -> None:
    """Set what is not set yet; called again, it does nothing.

    A command that uses hardware calls it first of all, and each part that needs it once more, as
    it may be used alone.
    """
    # PortAudio asks JACK for its devices, and that would start a server.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    if "LG_WD" not in os.environ:
        os.environ["LG_WD"] = str(_directory_for_lgpio())


def runtime_directory() -> Path | None:
    """Return the directory for what need not survive a restart; None where systemd named none."""
    named = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(named) if named else None


def _directory_for_lgpio() -> Path:
    """Return where lgpio puts its pipe and changes to: not the working directory, as it would."""
    directory = runtime_directory() or _temporary_directory()
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        log.warning("lgpio has no directory: %s: %s", directory, error.strerror)
    return directory


def _temporary_directory() -> Path:
    import tempfile  # noqa: PLC0415 - on the box there is a better one

    return Path(tempfile.gettempdir(), f"appliance-{os.getuid()}")
