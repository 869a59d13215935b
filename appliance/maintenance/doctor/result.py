"""What a check came to, in words for the person who must act."""

import enum

import msgspec

from appliance.core.events import Fault


class Result(enum.Enum):
    """How a check ended; the values are the words of the report."""

    FINE = "fine"
    WARNING = "warning"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class CheckResult(msgspec.Struct, frozen=True):
    """The end of one check: what was `found`, and the `remedy` where something is to be done."""

    result: Result
    found: str
    remedy: str = ""


def fine(found: str) -> CheckResult:
    """It works."""
    return CheckResult(Result.FINE, found)


def warning(found: str, remedy: str) -> CheckResult:
    """It works, but somebody should see to it."""
    return CheckResult(Result.WARNING, found, remedy)


def failed(found: str, remedy: str) -> CheckResult:
    """It does not work."""
    return CheckResult(Result.FAILED, found, remedy)


def not_tried(why: str, remedy: str = "") -> CheckResult:
    """It may work or not: it could not, or must not, be tried now."""
    return CheckResult(Result.NOT_TRIED, why, remedy)


def failing(fault: Fault) -> CheckResult:
    """It does not work, as the appliance itself would say it.

    A remedy that says what the appliance does about it is told as such.
    """
    found = f"{fault.what} ({fault.detail})" if fault.detail else fault.what
    by_itself = fault.remedy.startswith(("trying", "waiting"))
    advice = f"wait: the appliance goes on by itself, {fault.remedy}" if by_itself else fault.remedy
    return failed(found, advice)
