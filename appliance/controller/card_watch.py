"""Watch over the threads that write to the card."""

import logging
from collections.abc import Callable, Mapping

from appliance.controller.fault_list import FaultList
from appliance.core.faults import Fault, Part

log = logging.getLogger(__name__)

STALL_TIME = 6.0
"""Seconds of one write after which the card counts as stalled; SQLite waits 5 s for a lock."""

STALLED = Fault("The card does not answer", "leave the power on")
"""What is not on the card is held in memory until the card answers."""


class CardWatch:
    """Watch that reports a write that takes too long, which the writing thread can't do.

    Nothing else happens: words and audio wait in memory, and are written when the card is back.
    Used by the controller's thread alone.

    >>> faults, seconds = FaultList(), 7.0
    >>> watch = CardWatch(faults, {Part.HISTORY: lambda: seconds})
    >>> watch.check()
    >>> faults.worst.what
    'The card does not answer'
    >>> seconds = 0.0
    >>> watch.check()
    >>> Part.HISTORY in faults
    False

    Args:
        faults: the current faults.
        busy_for: returns how long the present write of a part takes, in seconds.
    """

    def __init__(self, faults: FaultList, busy_for: Mapping[Part, Callable[[], float]]) -> None:
        self._faults = faults
        self._busy_for = busy_for
        self._stalled: set[Part] = set()

    def check(self) -> None:
        """Report writes that take too long; clear the fault of those that ended."""
        for part, busy_for in self._busy_for.items():
            if busy_for() > STALL_TIME:
                self._note_stall(part)
            elif part in self._stalled:
                self._note_end(part)

    def _note_stall(self, part: Part) -> None:
        if part not in self._stalled:
            self._stalled.add(part)
            log.error("%s: the %s is held in memory", STALLED.what, part.value)
        # A session that begins clears its faults; what a part reports itself says more.
        if part not in self._faults:
            self._faults.report(part, STALLED)

    def _note_end(self, part: Part) -> None:
        self._stalled.discard(part)
        log.info("the card answers again: the %s is written", part.value)
        if (part, STALLED) in iter(self._faults):
            self._faults.clear(part)
