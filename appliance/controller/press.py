"""The press that is still down: a click as long as it is short, then the way to switch off."""

import math

from appliance.controller.states import Input
from appliance.settings.schema import ButtonSettings

CLICK = 0.7
"""Seconds that a press may last which only ends a session; a longer one is about to switch off."""


def click(*, in_session: bool) -> Input:
    """Return what a press asks for that can't become a hold."""
    return Input.STOP if in_session else Input.START


class Press:
    """One press from its begin to its release; times are seconds of the monotonic clock.

    Where a hold does nothing, every press is a click from its first moment on.
    """

    def __init__(self, settings: ButtonSettings) -> None:
        self._time = settings.hold_time
        self._click = min(CLICK, settings.hold_time / 2)
        self.powers_off = settings.hold_action == "poweroff"
        self._since: float | None = None
        self._ends_session = False

    def begin(self, now: float, *, in_session: bool) -> Input | None:
        """Note that the button went down; return what that asks for already.

        In a session it may become a hold, which must not end the session: then STOP comes with the
        release.
        """
        self._since = now
        self._ends_session = in_session and self.powers_off
        return None if self._ends_session else click(in_session=in_session)

    def release(self, now: float) -> Input | None:
        """Note that the button came up; return what that asks for."""
        ends = self._ends_session and self.lasts(now) < self._click
        self.drop()
        return Input.STOP if ends else None

    def drop(self) -> None:
        """Forget the press: what it was for is done."""
        self._since, self._ends_session = None, False

    def lasts(self, now: float) -> float:
        """Return for how many seconds the button has been down."""
        return 0.0 if self._since is None else now - self._since

    def left(self, now: float) -> int:
        """Return the seconds that are left until it switches off; 0 as long as it is a click."""
        if not self.powers_off or self.lasts(now) < self._click:
            return 0
        return max(1, math.ceil(self._time - self.lasts(now)))

    @property
    def down(self) -> bool:
        """Whether a press is going on that may still become a click or a hold."""
        return self._since is not None
