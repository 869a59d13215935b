"""Space bar as the button of a demo with a real microphone."""

import contextlib
import os
import select
import termios
import threading
import tty
from collections.abc import Generator

QUIT = {"q", "\x03", "\x04", ""}
"""Keys that quit: q, Ctrl-C, Ctrl-D, and "" for a terminal that is gone."""

POLL_INTERVAL = 0.1
"""Seconds to wait for a key before checking whether it is still needed."""

LOCAL_FLAGS = 3
"""Index of the local flags of termios(3) in Python's list."""


def space_bar(descriptor: int, left: threading.Event) -> Generator[None, None, None]:
    """Yield at each press of the space bar in a terminal, until q or Ctrl-C; then restore it.

    It also ends soon after `left` is set.
    """
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)
    mode = termios.tcgetattr(descriptor)
    mode[LOCAL_FLAGS] &= ~termios.ISIG  # Ctrl-C is a key like q
    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    try:
        while not left.is_set() and (key := _key(descriptor)) not in QUIT:
            if key == " ":
                yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _key(descriptor: int) -> str | None:
    """Return the next key, "" for a terminal that is gone, None if there was none in time."""
    if not select.select([descriptor], [], [], POLL_INTERVAL)[0]:
        return None
    return os.read(descriptor, 1).decode("latin-1")
