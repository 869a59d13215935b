from appliance.controller.card_watch import STALL_TIME, STALLED, CardWatch
from appliance.controller.fault_list import FaultList
from appliance.core.events import SpoolFailed, SpoolRecovered
from appliance.core.faults import Fault, Part

DISK_FAULT = Fault("Disk fault", "check the SD card")


class Watched:
    """Two parts whose writes take as long as a test says."""

    def __init__(self) -> None:
        self.faults = FaultList()
        self.seconds = {Part.SPOOL: 0.0, Part.HISTORY: 0.0}
        busy_for = {part: lambda part=part: self.seconds[part] for part in self.seconds}
        self._watch = CardWatch(self.faults, busy_for)

    def check(self, **seconds: float) -> dict[Part, Fault]:
        """Check after writes that take so long; return the faults."""
        self.seconds |= {Part[name.upper()]: value for name, value in seconds.items()}
        self._watch.check()
        return dict(self.faults)


def test_a_write_that_takes_too_long_is_a_fault_until_it_ends() -> None:
    watched = Watched()
    assert watched.check(spool=STALL_TIME) == {}
    assert watched.check(spool=STALL_TIME + 0.1) == {Part.SPOOL: STALLED}
    assert watched.check(history=100.0) == {Part.SPOOL: STALLED, Part.HISTORY: STALLED}
    assert watched.check(spool=0.0) == {Part.HISTORY: STALLED}
    assert watched.check(history=0.1) == {}


def test_a_fault_that_something_else_cleared_comes_back() -> None:
    watched = Watched()
    watched.check(spool=10.0)
    watched.faults.clear(Part.SPOOL)  # as a new session does
    assert watched.check() == {Part.SPOOL: STALLED}


def test_what_the_part_itself_reports_stays() -> None:
    watched = Watched()
    watched.check(spool=10.0)
    watched.faults.handle(SpoolFailed("s1", DISK_FAULT))  # the write has ended with an error
    assert watched.check(spool=0.0) == {Part.SPOOL: DISK_FAULT}
    assert watched.check(spool=10.0) == {Part.SPOOL: DISK_FAULT}
    assert watched.check(spool=0.0) == {Part.SPOOL: DISK_FAULT}
    watched.faults.handle(SpoolRecovered("s1"))
    assert watched.check() == {}
