import logging
import threading

import pytest

from appliance.maintenance.doctor.result import (
    CheckResult,
    Result,
    failed,
    fine,
    not_tried,
    warning,
)
from appliance.maintenance.doctor.runner import Check, CheckRunner
from tests.rig.waiting import wait_until


def results(*checks: Check) -> dict[str, CheckResult]:
    return dict(CheckRunner(checks, clean_up_time=0.0).results())


def test_checks_are_reported_in_order_whichever_ends_first() -> None:
    second_ended = threading.Event()

    def first() -> CheckResult:
        assert second_ended.wait(20)
        return fine("one")

    def second() -> CheckResult:
        second_ended.set()
        return fine("two")

    assert list(results(Check("first", first), Check("second", second))) == ["first", "second"]


def test_a_check_that_hangs_is_given_up_and_hides_no_other() -> None:
    never = threading.Event()

    def hang() -> CheckResult:
        never.wait()
        return fine("too late")

    try:
        found = results(
            Check("stuck", hang, time_limit=0.05, overdue_remedy="pull the plug"),
            Check("well", lambda: fine("here")),
        )
    finally:
        never.set()
    assert found["stuck"] == failed("no answer in 0.05 s", "pull the plug")
    assert found["well"] == fine("here")


def test_what_needs_a_failed_check_is_not_tried_and_says_what_is_missing() -> None:
    tried: list[str] = []

    def try_it() -> CheckResult:
        tried.append("it")
        return fine("")

    found = results(
        Check("DNS", lambda: failed("no network", "check the cable")),
        Check("TLS", try_it, needs={"DNS": "no address"}),
        Check("token", try_it, needs={"TLS": "nobody to ask"}),
    )
    assert found["TLS"] == not_tried("no address")
    assert found["token"] == not_tried("nobody to ask")
    assert not tried


@pytest.mark.parametrize("good", [fine("good"), warning("slow", "hurry")])
def test_what_needs_a_check_that_went_well_is_tried_after_it(good: CheckResult) -> None:
    order: list[str] = []

    def first() -> CheckResult:
        order.append("first")
        return good

    def second() -> CheckResult:
        order.append("second")
        return fine("")

    checks = Check("first", first), Check("second", second, needs={"first": "nothing to go on"})
    assert results(*checks)["second"].result is Result.FINE
    assert order == ["first", "second"]


def test_a_defect_in_a_check_is_logged_and_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def defect() -> CheckResult:
        return fine(str(1 // 0))

    with caplog.at_level(logging.ERROR):
        found = results(Check("clock", defect), Check("disk", lambda: fine("here")))
    assert found["clock"].result is Result.FAILED
    assert "ZeroDivisionError" in found["clock"].found
    assert found["disk"] == fine("here")
    assert "in the check of clock" in caplog.text
    assert "Traceback" in caplog.text


def test_a_check_in_turn_begins_when_all_before_it_are_reported() -> None:
    reported: list[str] = []
    known_at_the_start: list[list[str]] = []

    def press() -> CheckResult:
        known_at_the_start.append(list(reported))
        return fine("pressed")

    checks = [Check("OLED", lambda: fine("dark")), Check("button", press, in_turn=True)]
    for name, _ in CheckRunner(checks).results():
        reported.append(name)
    assert known_at_the_start == [["OLED"]]


def test_while_one_waits_for_its_turn_others_that_need_nothing_more_go_on() -> None:
    tried = threading.Event()

    def wait_for_the_other() -> CheckResult:
        return fine("pressed") if tried.wait(20) else failed("waited", "")

    def try_it() -> CheckResult:
        tried.set()
        return fine("tried")

    found = results(
        Check("DNS", lambda: fine("here")),
        Check("button", wait_for_the_other, time_limit=30, in_turn=True),
        Check("TLS", try_it, needs={"DNS": "no address"}),
    )
    assert found["button"] == fine("pressed")
    assert list(found) == ["DNS", "button", "TLS"]


def test_a_check_that_was_given_up_may_clean_up_before_the_end() -> None:
    given_up = threading.Event()
    clean = threading.Event()

    def late() -> CheckResult:
        given_up.wait(20)
        clean.set()
        return fine("")

    for _ in CheckRunner([Check("late", late, time_limit=0.05)], clean_up_time=20.0).results():
        given_up.set()
    assert clean.is_set()


def test_its_threads_end() -> None:
    results(Check("disk", lambda: fine("")), Check("clock", lambda: fine("")))
    names = ("check disk", "check clock")
    wait_until(lambda: not [one for one in threading.enumerate() if one.name in names])
