"""The space bar as a button, for a demo with a real microphone."""

import contextlib
import os
import select
import termios
import threading
import tty
from collections.abc import Generator

ENDING = {"q", "\x03", "\x04", ""}
"""q, Ctrl-C, Ctrl-D, and a terminal that is gone."""

LOOK_INTERVAL = 0.1
"""Seconds without a key after which it is asked whether anybody still waits for one."""

LOCAL = 3
"""Where the flags of termios(3) that hold echo and signals are in Python's list."""


def space_bar(descriptor: int, left: threading.Event) -> Generator[None, None, None]:
    """Yield whenever the space bar is hit in a terminal, until q or Ctrl-C; then restore it.

    It ends, too, soon after `left` is set.
    """
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)
    mode = termios.tcgetattr(descriptor)
    mode[LOCAL] &= ~termios.ISIG  # Ctrl-C is read here, as a key like q
    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    try:
        while not left.is_set() and (key := _key(descriptor)) not in ENDING:
            if key == " ":
                yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _key(descriptor: int) -> str | None:
    """Return the next key, "" for a terminal that is gone; None when none was hit for a moment."""
    if not select.select([descriptor], [], [], LOOK_INTERVAL)[0]:
        return None
    return os.read(descriptor, 1).decode("latin-1")
