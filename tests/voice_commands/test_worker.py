import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from appliance.core.errors import ActionError
from appliance.voice_commands.worker import QUEUE_LENGTH, Later, TargetWorker
from tests.rig.clock import Clock
from tests.rig.waiting import wait_until


class Outcomes:
    """The outcome of each piece of work, in order."""

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
def worker() -> Iterator[TargetWorker]:
    worker = TargetWorker("lamp", limit=20)
    worker.start()
    yield worker
    worker.end()
    worker.join(20)


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


def test_work_is_done_in_turn(worker: TargetWorker, ended: Outcomes) -> None:
    done: list[int] = []
    for number in range(10):
        worker.add(partial(done.append, number), ended)
    assert [ended.next() for _ in range(10)] == [""] * 10
    assert done == list(range(10))


def test_why_something_failed_is_reported_and_the_next_goes_on(
    worker: TargetWorker, ended: Outcomes
) -> None:
    def fail() -> None:
        raise ActionError("no lamp")

    worker.add(fail, ended)
    worker.add(nothing, ended)
    assert [ended.next(), ended.next()] == ["no lamp", ""]


def test_a_defect_is_logged_and_ends_nothing(
    worker: TargetWorker, ended: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    worker.add(fail, ended)
    worker.add(nothing, ended)
    assert [ended.next(), ended.next()] == ["failed, see the log", ""]
    assert "ZeroDivisionError" in caplog.text


def test_what_hangs_is_given_up_and_leaves_one_thread(
    ended: Outcomes, released: threading.Event
) -> None:
    done: list[str] = []
    worker = TargetWorker("lamp", limit=1)
    worker.start()
    worker.add(partial(hang, released), ended)
    for _ in range(10):
        worker.add(partial(done.append, "too early"), ended)
    assert ended.next() == "took too long"
    assert [ended.next() for _ in range(10)] == ["lamp still hangs"] * 10
    assert len(threads_named("action lamp")) == 1
    released.set()
    wait_until(lambda: not threads_named("action lamp"))
    worker.add(partial(done.append, "now"), ended)
    assert ended.next() == ""
    assert done == ["now"]
    worker.end()
    worker.join(20)


def test_more_than_a_person_says_in_one_breath_is_refused_at_once(
    ended: Outcomes, released: threading.Event
) -> None:
    worker = TargetWorker("lamp", limit=20)
    for _ in range(QUEUE_LENGTH):
        worker.add(nothing, ended)
    worker.add(nothing, ended)
    assert ended.next() == "too many commands at once"
    worker.start()
    assert [ended.next() for _ in range(QUEUE_LENGTH)] == [""] * QUEUE_LENGTH
    worker.end()
    worker.join(20)


def test_what_waited_too_long_is_not_done(ended: Outcomes) -> None:
    clock = Clock()
    done: list[str] = []
    worker = TargetWorker("lamp", waiting_limit=10, clock=clock)
    worker.add(partial(done.append, "late"), ended)
    clock.now = 9.0
    worker.add(partial(done.append, "in time"), ended)
    clock.now = 11.0
    worker.start()
    assert [ended.next(), ended.next()] == ["too late", ""]
    assert done == ["in time"]
    worker.end()
    worker.join(20)


def test_what_is_planned_is_done_later(worker: TargetWorker, ended: Outcomes) -> None:
    done = threading.Event()
    worker.add(lambda: Later(0.05, done.set), ended)
    assert ended.next() == ""
    assert done.wait(20)


def test_what_is_done_before_overrules_what_is_planned(ended: Outcomes) -> None:
    planned = threading.Event()
    worker = TargetWorker("lamp")
    worker.add(lambda: Later(0.05, planned.set), ended)
    worker.add(nothing, ended)
    worker.start()
    assert [ended.next(), ended.next()] == ["", ""]
    assert not planned.wait(0.3)
    worker.end()
    worker.join(20)


def test_a_failure_does_not_overrule_what_is_planned(worker: TargetWorker, ended: Outcomes) -> None:
    def fail() -> None:
        raise ActionError("no lamp")

    done = threading.Event()
    worker.add(lambda: Later(0.05, done.set), ended)
    worker.add(fail, ended)
    assert [ended.next(), ended.next()] == ["", "no lamp"]
    assert done.wait(20)


def test_what_is_planned_and_fails_is_logged(
    worker: TargetWorker, ended: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ActionError("no lamp")

    worker.add(lambda: Later(0.01, fail), ended)
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

    worker = TargetWorker("lamp", last=partial(done.append, "last"), limit=20)
    worker.start()
    worker.add(work, ended)
    worker.add(partial(done.append, "waiting"), ended)
    assert began.wait(20)
    worker.end()
    released.set()
    worker.join(20)
    assert done == ["begun", "last"]
    assert not threads_named("lamp")


def test_at_the_end_nothing_is_done_to_what_hangs(
    ended: Outcomes, released: threading.Event
) -> None:
    done: list[str] = []
    worker = TargetWorker("lamp", last=partial(done.append, "last"), limit=0.05)
    worker.start()
    worker.add(partial(hang, released), ended)
    assert ended.next() == "took too long"
    worker.end()
    worker.join(20)
    assert not threads_named("actions lamp")
    assert not done


HANGS = """
import threading
from appliance.voice_commands.worker import TargetWorker

worker = TargetWorker("lamp", limit=0.05)
worker.start()
given_up = threading.Event()
worker.add(lambda: threading.Event().wait(), lambda _: given_up.set())
given_up.wait()
print("given up")
"""


def test_what_hangs_does_not_keep_the_program_from_ending() -> None:
    program = [sys.executable, "-c", HANGS]
    ran = subprocess.run(program, capture_output=True, check=True, text=True, timeout=60)
    assert ran.stdout == "given up\n"
