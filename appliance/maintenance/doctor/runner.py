"""Runs checks side by side, each with a time limit of its own, and tells how they end in order."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait

import msgspec

from appliance.maintenance.doctor.result import CheckResult, Result, failed, not_tried

log = logging.getLogger(__name__)

GRACE = 3.0
"""Seconds in which checks that were given up may still clean up behind themselves."""


class Check(msgspec.Struct, frozen=True):
    """One thing to try.

    Attributes:
        name: what is tried.
        examine: tries it; may block.
        limit: seconds after which it counts as failed.
        when_stuck: what to do where it did not end by then.
        needs: earlier checks that must have gone well, and what is missing where one has not.
        in_turn: it begins when its turn to be told has come: a person takes part in it, or it
            would be late where much else goes on.
    """

    name: str
    examine: Callable[[], CheckResult]
    limit: float = 5.0
    when_stuck: str = "try again; if it stays, restart the box"
    needs: Mapping[str, str] = {}
    in_turn: bool = False


class CheckRunner:
    """Runs checks; none holds up or hides another that does not need it.

    A check that hangs is given up at its limit, while its thread hangs on: a name server or a
    driver that never answers can't be interrupted.

    Args:
        checks: in the order in which they are told; each stands behind those that it needs.
        grace: seconds in which checks that were given up may still clean up.
    """

    def __init__(self, checks: Sequence[Check], grace: float = GRACE) -> None:
        self._checks = checks
        self._grace = grace
        self._findings: dict[str, Future[CheckResult]] = {check.name: Future() for check in checks}
        self._workers: list[threading.Thread] = []

    def findings(self) -> Iterator[tuple[str, CheckResult]]:
        """Yield the name and the end of each check, in order, each as soon as it is there."""
        try:
            for check in self._checks:
                if not check.in_turn:
                    self._begin(check)
            for check in self._checks:
                if check.in_turn:
                    self._begin(check)
                yield check.name, self._findings[check.name].result()
        finally:
            self._let_clean_up()

    def _begin(self, check: Check) -> None:
        name = f"check {check.name}"
        threading.Thread(target=self._conduct, args=(check,), name=name, daemon=True).start()

    def _conduct(self, check: Check) -> None:
        """Wait for what comes first, then for the check's end or its limit."""
        wait([self._findings[name] for name in check.needs])
        finding = next(
            (
                not_tried(missing)
                for name, missing in check.needs.items()
                if self._findings[name].result().result in {Result.FAILED, Result.NOT_TRIED}
            ),
            None,
        )
        self._findings[check.name].set_result(finding or self._outcome(check))

    def _outcome(self, check: Check) -> CheckResult:
        outcome: Future[CheckResult] = Future()
        worker = threading.Thread(
            target=_work, args=(check, outcome), name=f"try {check.name}", daemon=True
        )
        self._workers.append(worker)
        worker.start()
        if wait([outcome], check.limit).not_done:
            return failed(f"no answer in {check.limit:g} s", check.when_stuck)
        return outcome.result()

    def _let_clean_up(self) -> None:
        deadline = time.monotonic() + self._grace
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))


def _work(check: Check, outcome: Future[CheckResult]) -> None:
    try:
        outcome.set_result(check.examine())
    except Exception as error:
        # One check's defect must not cost the others.
        log.exception("a defect in the check of %s", check.name)
        found = f"a defect in this check: {type(error).__name__}"
        outcome.set_result(failed(found, "report it, with what stands above"))
