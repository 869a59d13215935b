"""The system's own programs, which are asked for what only they know."""

import shutil
import subprocess
from collections.abc import Callable

TIME_OUT = 5.0

Ask = Callable[..., str | None]
"""Takes a program and its arguments; returns what it says, None where it can't be asked."""


def ask(program: str, *arguments: str) -> str | None:
    """Run a program and return its standard output; None where it is not there or fails.

    It has `TIME_OUT` seconds.
    """
    path = shutil.which(program)
    if path is None:
        return None
    try:
        ended = subprocess.run(  # noqa: S603 - the arguments are the doctor's own, with no shell
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_OUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout
