"""Deletion of old sessions, which trusts no clock that may be wrong."""

import sqlite3
from collections.abc import Callable

from appliance.history import statements
from appliance.system.wall_clock import clock_is_set

DAY = 86_400.0

PURGE_INTERVAL = 3600.0
"""Seconds between deletions of old sessions."""

CLOCK_INTERVAL = 60.0
"""Seconds between two looks whether the clock is set."""

STEADY = DAY
"""Seconds without a step after which a clock is believed, whatever earlier boots have seen."""

STEADY_STEP = 60.0
"""Seconds by which the clock may differ from the monotonic one in that time."""


class Retention:
    """Retention of sessions for some days after they ended.

    - Nothing is deleted unless the network has set the clock in this boot.
    - Nothing is deleted that was said in this boot, however long it lasts.
    - A session of another boot is as old as its times say, if the clock of that boot is believed.
      If it is not, its age counts from the first later boot whose clock is.
    - A set clock is believed unless it is behind that of the boot before, and in any case after a
      day without a step.
    - Until that day is over, sessions are as old as they were at the end of the boot before.

    So a clock that is wrong in one boot costs no session, be it ahead or behind. The price is that
    sessions stay longer by the time between two boots.

    Args:
        keep_days: days for which sessions stay; 0 for ever.
        boot: the name of this boot.
        wall_clock: Unix time in seconds.
        clock: monotonic seconds.
        is_set: tells whether the network has set the clock.
        interval: seconds between deletions.
    """

    def __init__(
        self,
        keep_days: int,
        boot: str,
        *,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
        is_set: Callable[[], bool] = clock_is_set,
        interval: float = PURGE_INTERVAL,
    ) -> None:
        self._seconds = keep_days * DAY
        self._boot = boot
        self._wall_clock = wall_clock
        self._clock = clock
        self._is_set = is_set
        self._interval = interval
        self._looked_at: float | None = None
        self._steady_since = self._offset = 0.0

    @property
    def next_look(self) -> float | None:
        """Seconds until `apply` may have something to do; None if it never will."""
        if not self._seconds:
            return None
        return min(CLOCK_INTERVAL, self._interval) if self._looked_at is None else self._interval

    def apply(self, database: sqlite3.Connection) -> None:
        """Note the time in the database and delete what is old, if that is due.

        Raises:
            sqlite3.Error: the database can't be written.
        """
        if not (self._is_due() and self._is_set()):
            return
        now, clock = self._wall_clock(), self._clock()
        if self._looked_at is None or abs(now - clock - self._offset) > STEADY_STEP:
            self._steady_since, self._offset = clock, now - clock
        if _knows_boots(database):
            with database:
                self._note_and_delete(database, now, clock)
        self._looked_at = clock

    def _is_due(self) -> bool:
        if self._looked_at is None:
            return True
        return bool(self._seconds) and self._clock() - self._looked_at >= self._interval

    def _note_and_delete(self, database: sqlite3.Connection, now: float, clock: float) -> None:
        row = database.execute(*statements.time_of_last_boot(self._boot)).fetchone()
        before = row[0] if row else now
        is_steady = clock - self._steady_since >= STEADY
        believed = is_steady or now >= before
        database.execute(*statements.note_clock(self._boot, now, believed=believed))
        if not (self._seconds and believed):
            return
        database.execute(*statements.add_boots_without_clock())
        database.execute(*statements.note_boots_over(self._boot, now))
        oldest = (now if is_steady else before) - self._seconds
        database.execute(*statements.delete_of_other_boots(self._boot, oldest))


def _knows_boots(database: sqlite3.Connection) -> bool:
    """Return whether the table of boots is there: another version's database may have none."""
    columns = {name for (name,) in database.execute(*statements.columns_of_boot())}
    return columns >= {"number", "name", "seen", "believed", "over"}
