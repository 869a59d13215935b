"""Reports of a program under test: JSON lines on its standard output.

Written with the standard library alone, since what is measured here is memory, too.
"""

import json
import os
import time
from typing import NamedTuple


class Report(NamedTuple):
    """Event of the program, with its time (monotonic seconds, which all processes share).

    `what` is "pressed", "shown" (with the mode, and the words that were never shown before),
    "handled" (a turn), "heard" (all words, at the end), "mode" (the scene's, shown or not), or
    "measured" and "census" with figures in the place of words.
    """

    at: float
    what: str
    mode: str = ""
    words: tuple[str, ...] = ()


def report(what: str, mode: str = "", words: tuple[str, ...] = ()) -> None:
    """Write a report of what happens now; from any thread, since a short write is never split."""
    os.write(1, json.dumps((time.monotonic(), what, mode, words)).encode() + b"\n")


def read(line: bytes) -> Report:
    """Return the report that was written as this line."""
    at, what, mode, words = json.loads(line)
    return Report(at, what, mode, tuple(words))
