import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from appliance.core.errors import ActionError
from appliance.voice_commands.worker import MOST_WAITING, Later, TargetWorker
from tests.rig.clock import Clock
from tests.rig.waiting import wait_until


class Outcomes:
    """What a lane told of each thing that it did."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, failure: str) -> None:
        self._told.put(failure)

    def next(self) -> str:
        return self._told.get(timeout=20)


@pytest.fixture
def ended() -> Outcomes:
    return Outcomes()


@pytest.fixture
def lane() -> Iterator[TargetWorker]:
    lane = TargetWorker("lamp", limit=20)
    lane.start()
    yield lane
    lane.end()
    lane.join(20)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hangs until it is set; at the latest at the end."""
    released = threading.Event()
    yield released
    released.set()


def threads_named(part: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if part in thread.name]


def hang(released: threading.Event) -> None:
    released.wait()


def nothing() -> None:
    pass


def test_things_are_done_in_turn(lane: TargetWorker, ended: Outcomes) -> None:
    done: list[int] = []
    for number in range(10):
        lane.add(partial(done.append, number), ended)
    assert [ended.next() for _ in range(10)] == [""] * 10
    assert done == list(range(10))


def test_why_something_failed_is_told_and_the_next_goes_on(
    lane: TargetWorker, ended: Outcomes
) -> None:
    def fail() -> None:
        raise ActionError("no lamp")

    lane.add(fail, ended)
    lane.add(nothing, ended)
    assert [ended.next(), ended.next()] == ["no lamp", ""]


def test_a_defect_is_logged_and_ends_nothing(
    lane: TargetWorker, ended: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    lane.add(fail, ended)
    lane.add(nothing, ended)
    assert [ended.next(), ended.next()] == ["failed, see the log", ""]
    assert "ZeroDivisionError" in caplog.text


def test_what_hangs_is_given_up_and_leaves_one_thread(
    ended: Outcomes, released: threading.Event
) -> None:
    done: list[str] = []
    lane = TargetWorker("lamp", limit=1)
    lane.start()
    lane.add(partial(hang, released), ended)
    for _ in range(10):
        lane.add(partial(done.append, "too early"), ended)
    assert ended.next() == "took too long"
    assert [ended.next() for _ in range(10)] == ["lamp still hangs"] * 10
    assert len(threads_named("action lamp")) == 1
    released.set()
    wait_until(lambda: not threads_named("action lamp"))
    lane.add(partial(done.append, "now"), ended)
    assert ended.next() == ""
    assert done == ["now"]
    lane.end()
    lane.join(20)


def test_more_than_a_person_says_in_one_breath_is_refused_at_once(
    ended: Outcomes, released: threading.Event
) -> None:
    lane = TargetWorker("lamp", limit=20)
    for _ in range(MOST_WAITING):
        lane.add(nothing, ended)
    lane.add(nothing, ended)
    assert ended.next() == "too many commands at once"
    lane.start()
    assert [ended.next() for _ in range(MOST_WAITING)] == [""] * MOST_WAITING
    lane.end()
    lane.join(20)


def test_what_waited_too_long_is_not_done(ended: Outcomes) -> None:
    clock = Clock()
    done: list[str] = []
    lane = TargetWorker("lamp", patience=10, clock=clock)
    lane.add(partial(done.append, "late"), ended)
    clock.now = 9.0
    lane.add(partial(done.append, "in time"), ended)
    clock.now = 11.0
    lane.start()
    assert [ended.next(), ended.next()] == ["too late", ""]
    assert done == ["in time"]
    lane.end()
    lane.join(20)


def test_what_is_planned_is_done_later(lane: TargetWorker, ended: Outcomes) -> None:
    done = threading.Event()
    lane.add(lambda: Later(0.05, done.set), ended)
    assert ended.next() == ""
    assert done.wait(20)


def test_what_is_done_before_overrules_what_is_planned(ended: Outcomes) -> None:
    planned = threading.Event()
    lane = TargetWorker("lamp")
    lane.add(lambda: Later(0.05, planned.set), ended)
    lane.add(nothing, ended)
    lane.start()
    assert [ended.next(), ended.next()] == ["", ""]
    assert not planned.wait(0.3)
    lane.end()
    lane.join(20)


def test_what_fails_does_not_overrule_what_is_planned(lane: TargetWorker, ended: Outcomes) -> None:
    def fail() -> None:
        raise ActionError("no lamp")

    done = threading.Event()
    lane.add(lambda: Later(0.05, done.set), ended)
    lane.add(fail, ended)
    assert [ended.next(), ended.next()] == ["", "no lamp"]
    assert done.wait(20)


def test_what_is_planned_and_fails_is_logged(
    lane: TargetWorker, ended: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ActionError("no lamp")

    lane.add(lambda: Later(0.01, fail), ended)
    wait_until(lambda: "lamp: no lamp" in caplog.text)
    assert ended.next() == ""


def test_at_the_end_what_is_done_is_completed_and_what_waits_is_dropped(
    ended: Outcomes, released: threading.Event
) -> None:
    done: list[str] = []
    began = threading.Event()

    def work() -> Later:
        began.set()
        released.wait()
        done.append("begun")
        return Later(3600, partial(done.append, "planned"))

    lane = TargetWorker("lamp", last=partial(done.append, "last"), limit=20)
    lane.start()
    lane.add(work, ended)
    lane.add(partial(done.append, "waiting"), ended)
    assert began.wait(20)
    lane.end()
    released.set()
    lane.join(20)
    assert done == ["begun", "last"]
    assert not threads_named("lamp")


def test_at_the_end_nothing_is_done_to_what_hangs(
    ended: Outcomes, released: threading.Event
) -> None:
    done: list[str] = []
    lane = TargetWorker("lamp", last=partial(done.append, "last"), limit=0.05)
    lane.start()
    lane.add(partial(hang, released), ended)
    assert ended.next() == "took too long"
    lane.end()
    lane.join(20)
    assert not threads_named("actions lamp")
    assert not done


HANGS = """
import threading
from appliance.voice_commands.worker import TargetWorker

lane = TargetWorker("lamp", limit=0.05)
lane.start()
given_up = threading.Event()
lane.add(lambda: threading.Event().wait(), lambda _: given_up.set())
given_up.wait()
print("given up")
"""


def test_what_hangs_does_not_keep_the_program_from_ending() -> None:
    program = [sys.executable, "-c", HANGS]
    ran = subprocess.run(program, capture_output=True, check=True, text=True, timeout=60)
    assert ran.stdout == "given up\n"
