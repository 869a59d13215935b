"""Result of a check, in words for the person who must act."""

import enum

import msgspec
from msgspec.structs import replace

from appliance.core.faults import Fault
from appliance.streaming.outcomes import Outcome, fault_for


class Result(enum.Enum):
    """Kind of a result; the values are the words of the report."""

    FINE = "fine"
    WARNING = "warning"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class CheckResult(msgspec.Struct, frozen=True):
    """Result of one check: what was `found`, and the `remedy` if there is something to do."""

    result: Result
    found: str
    remedy: str = ""


def fine(found: str) -> CheckResult:
    """Return the result for something that works."""
    return CheckResult(Result.FINE, found)


def warning(found: str, remedy: str) -> CheckResult:
    """Return the result for something that works, but needs somebody's attention."""
    return CheckResult(Result.WARNING, found, remedy)


def failed(found: str, remedy: str) -> CheckResult:
    """Return the result for something that does not work."""
    return CheckResult(Result.FAILED, found, remedy)


def not_tried(why: str, remedy: str = "") -> CheckResult:
    """Return the result for something that can't be tried, or must not be tried now."""
    return CheckResult(Result.NOT_TRIED, why, remedy)


def faulty(fault: Fault) -> CheckResult:
    """Return the result for something that does not work, in the words of its fault.

    Some remedies say what the appliance does by itself; a person then has to wait.
    """
    found = f"{fault.what} ({fault.detail})" if fault.detail else fault.what
    by_itself = fault.remedy.startswith(("trying", "waiting"))
    remedy = f"wait: the appliance goes on by itself, {fault.remedy}" if by_itself else fault.remedy
    return failed(found, remedy)


def failed_with(outcome: Outcome, detail: str = "") -> CheckResult:
    """Return an outcome as the result of a check, in the words of the screen for one that lasts."""
    fault = fault_for(outcome, persists=not outcome.foreign) or Fault(
        "Connection lost", "trying again", str(outcome)
    )
    return faulty(replace(fault, detail=detail) if detail else fault)
