"""Runner of checks: side by side, each with a time limit, reported in order."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from appliance.maintenance.doctor.result import CheckResult, Result, failed, not_tried
from appliance.system.supervision import OverdueError, run_within

log = logging.getLogger(__name__)

CLEAN_UP_TIME = 3.0
"""Seconds in which checks that were given up may still clean up."""


class Check(msgspec.Struct, frozen=True):
    """One thing to try.

    Attributes:
        name: its name in the report.
        run: tries it; may block.
        time_limit: seconds after which it counts as failed.
        overdue_remedy: what to do if it takes longer.
        needs: names of earlier checks that must not fail, each with what is missing if it does.
        in_turn: whether it starts only when all earlier checks are reported: a person takes part in
            it, or it needs a machine that does little else.
    """

    name: str
    run: Callable[[], CheckResult]
    time_limit: float = 5.0
    overdue_remedy: str = "try again; if it stays, restart the box"
    needs: Mapping[str, str] = {}
    in_turn: bool = False


class CheckRunner:
    """Runs checks; none delays or hides another that does not need it.

    Each check has a thread, and one that waits for it. A check that takes too long is given up,
    while its thread goes on: a name server or a driver that never answers can't be interrupted.

        >>> checks = [Check("power", lambda: not_tried("this is no Pi"))]
        >>> for name, result in CheckRunner(checks).results():
        ...     print(f"{name}: {result.found}")
        power: this is no Pi

    Args:
        checks: in the order of the report; each stands behind those that it needs.
        clean_up_time: seconds in which checks that were given up may still clean up.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        clean_up_time: float = CLEAN_UP_TIME,
    ) -> None:
        self._checks = checks
        self._clean_up_time = clean_up_time
        self._started: set[str] = set()
        self._results: dict[str, CheckResult] = {}
        self._threads: list[threading.Thread] = []
        # Bounded: each check puts one result into it.
        self._ended: queue.SimpleQueue[tuple[str, CheckResult]] = queue.SimpleQueue()

    def results(self) -> Iterator[tuple[str, CheckResult]]:
        """Yield the name and the result of each check, in order, as soon as it is known."""
        try:
            for check in self._checks:
                while check.name not in self._results:
                    self._start_checks(next_reported=check)
                    self._wait()
                yield check.name, self._results[check.name]
        finally:
            self._let_clean_up()

    def _start_checks(self, next_reported: Check) -> None:
        """Start each check that has not been started and waits for no other."""
        for check in self._checks:
            may_start = not check.in_turn or check is next_reported
            if check.name not in self._started and may_start and self._has_all_it_needs(check):
                self._started.add(check.name)
                self._start(check)

    def _has_all_it_needs(self, check: Check) -> bool:
        return check.needs.keys() <= self._results.keys()

    def _start(self, check: Check) -> None:
        """Run a check on a thread, unless something that it needs is missing."""
        for name, missing in check.needs.items():
            if self._results[name].result in {Result.FAILED, Result.NOT_TRIED}:
                self._results[check.name] = not_tried(missing)
                return
        thread = threading.Thread(
            target=lambda: self._ended.put((check.name, self._result_of(check))),
            name=f"limit of check {check.name}",
            daemon=True,
        )
        self._threads.append(thread)
        thread.start()

    def _wait(self) -> None:
        """Wait until one of the running checks ends or is given up."""
        if self._started - self._results.keys():
            name, result = self._ended.get()
            self._results[name] = result

    def _result_of(self, check: Check) -> CheckResult:
        """Run a check; an error in it is its result, and costs no other check."""
        try:
            return run_within(check.time_limit, check.run, f"check {check.name}")
        except OverdueError as overdue:
            self._threads.append(overdue.thread)
            return failed(f"no answer in {check.time_limit:g} s", check.overdue_remedy)
        except Exception as error:
            log.exception("unexpected error in the check of %s", check.name)
            found = f"unexpected error in this check: {type(error).__name__}"
            return failed(found, "report it, together with the lines above")

    def _let_clean_up(self) -> None:
        deadline = time.monotonic() + self._clean_up_time
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
