"""The space bar as a button, for a demo with a real microphone."""

import contextlib
import os
import termios
import tty
from collections.abc import Generator

ENDING = {"q", "\x03", "\x04", ""}
"""q, Ctrl-C, Ctrl-D, and a terminal that is gone."""

LOCAL = 3
"""Where the flags of termios(3) that hold echo and signals are in Python's list."""


def space_bar(descriptor: int) -> Generator[None, None, None]:
    """Yield whenever the space bar is hit in a terminal, until q or Ctrl-C; then restore it."""
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)
    mode = termios.tcgetattr(descriptor)
    mode[LOCAL] &= ~termios.ISIG  # Ctrl-C is read here, as a key like q
    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    try:
        while (key := os.read(descriptor, 1).decode("latin-1")) not in ENDING:
            if key == " ":
                yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
