"""Suspect audio: sent again because the service reported speech in it, and no words."""

from appliance.streaming.intervals import Interval

TURN_TIMEOUT = 30.0
"""Seconds after which audio that brought no turn will not bring one."""

LONGEST_TURN_TIMEOUT = 600.0
"""Seconds for which a turn is awaited at most, after many false alarms."""

SUSPECT_FOR = 75.0
"""Seconds after which speech without words is noise in any case: recognizers hang for a minute."""


class SuspectAudio:
    """The part of a session that earlier connections may have been deaf for.

    A running tap may pass for speech, and nobody can tell it from speech that a service missed. So
    that audio is sent again. It is noise if two connections heard the words right after it and none
    in it, or if it stays without words for `SUSPECT_FOR` seconds.

        >>> suspect = SuspectAudio()
        >>> suspect.note((0, 16_000), now=0.0, heard=True, hears=True)
        >>> suspect.without_noise((0, 20_000), now=60.0, hears=False)
        (0, 20000)
        >>> suspect.without_noise((0, 20_000), now=60.0, hears=True)
        (16000, 20000)

    Attributes:
        interval: what is suspect, in samples from the session's start; empty if nothing is.
    """

    def __init__(self) -> None:
        self.interval: Interval = (0, 0)
        self._since: float | None = None
        self._was_heard_after = False
        self._waits = 0

    @property
    def turn_timeout(self) -> float:
        """Seconds for which a turn is awaited: more after each time that none came."""
        return min(TURN_TIMEOUT * 2.0 ** min(self._waits, 10), LONGEST_TURN_TIMEOUT)

    def concerns(self, interval: Interval) -> bool:
        """Return whether some of that audio is suspect."""
        start, end = self.interval
        return start < interval[1] and interval[0] < end

    def note(self, interval: Interval, now: float, *, heard: bool, hears: bool) -> None:
        """Note audio that a connection leaves without words.

        Args:
            interval: that audio.
            now: monotonic seconds.
            heard: whether the connection waited for the words.
            hears: whether it heard the words right after it.
        """
        if self.concerns(interval):
            interval = self.interval[0], max(self.interval[1], interval[1])
        else:
            self._since, self._was_heard_after = None, False
        self.interval = interval
        if heard:
            self._since = now if self._since is None else self._since
            self._was_heard_after = self._was_heard_after or hears
            self._waits += 1

    def without_noise(self, hole: Interval, now: float, *, hears: bool) -> Interval:
        """Return what is left of a hole, on another connection, without what is noise.

        Args:
            hole: audio without words.
            now: monotonic seconds.
            hears: whether the words right after it were heard, so that the service hears.
        """
        is_old = self._since is not None and now - self._since > SUSPECT_FOR
        is_noise = is_old or (hears and self._was_heard_after)
        if not (is_noise and self.concerns(hole)):
            return hole
        return min(self.interval[1], hole[1]), hole[1]

    def settle(self, position: int, *, heard: bool) -> None:
        """Note that audio is covered up to a position, and if words of what was suspect came."""
        if self.interval[0] < self.interval[1] <= position:
            self._waits = 0 if heard else self._waits
            self.interval, self._since, self._was_heard_after = (0, 0), None, False
