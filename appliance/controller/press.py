"""Press tracker: whether a press is START, STOP or the beginning of a hold."""

import math

from appliance.controller.states import Input
from appliance.settings.schema import ButtonSettings

CLICK = 0.7
"""Seconds that a click may last; a longer press is the beginning of a hold."""


def click(*, in_session: bool) -> Input:
    """Return the input that a click is."""
    return Input.STOP if in_session else Input.START


class Press:
    """The press that is going on, if any; times are seconds of the monotonic clock.

    Without a session, a press is START as soon as the button goes down. In a session it may become
    a hold, which powers off, so STOP comes with the release:

        >>> press = Press(ButtonSettings(hold_time=3.0))
        >>> press.begin(100.0, in_session=True)
        >>> press.release(100.2) is Input.STOP
        True

    Where a hold does nothing, every press is a click from the first moment on.

    Attributes:
        powers_off: whether a hold switches the box off.
    """

    def __init__(self, settings: ButtonSettings) -> None:
        self._hold_time = settings.hold_time
        self._click = min(CLICK, settings.hold_time / 2)
        self.powers_off = settings.hold_action == "poweroff"
        self._since: float | None = None
        self._stops_on_release = False

    def begin(self, now: float, *, in_session: bool) -> Input | None:
        """Note that the button went down; return the input that this is already."""
        self._since = now
        self._stops_on_release = in_session and self.powers_off
        return None if self._stops_on_release else click(in_session=in_session)

    def release(self, now: float) -> Input | None:
        """Note that the button came up; return the input that this is, if any."""
        stops = self._stops_on_release and self._duration(now) < self._click
        self.drop()
        return Input.STOP if stops else None

    def drop(self) -> None:
        """Forget the press: it has had its effect, or the button is gone."""
        self._since, self._stops_on_release = None, False

    def left(self, now: float) -> int:
        """Return the seconds left until the box is switched off; 0 while it may be a click."""
        if not self.powers_off or self._duration(now) < self._click:
            return 0
        return max(1, math.ceil(self._hold_time - self._duration(now)))

    @property
    def down(self) -> bool:
        """Whether the button is down and may still become a click or a hold."""
        return self._since is not None

    def _duration(self, now: float) -> float:
        return 0.0 if self._since is None else now - self._since
