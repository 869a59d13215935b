import subprocess
import sys
import threading

import pytest

from appliance.system.supervision import BusyTimer, OverdueError, run_within
from tests.rig.clock import Clock


def test_it_lasts_as_long_as_the_work_does() -> None:
    clock = Clock(5.0)
    busy_timer = BusyTimer("display", clock)
    assert busy_timer.lasts() == 0.0
    with busy_timer:
        clock.now += 40.0
        assert busy_timer.lasts() == 40.0
    clock.now += 1.0
    assert busy_timer.lasts() == 0.0


def test_an_error_ends_it_too() -> None:
    clock = Clock(5.0)
    busy_timer = BusyTimer("display", clock)
    with pytest.raises(ZeroDivisionError), busy_timer:
        _ = 1 / 0
    clock.now += 1.0
    assert busy_timer.lasts() == 0.0


def test_work_within_the_deadline_has_its_result_returned() -> None:
    assert run_within(20.0, lambda: threading.current_thread().name, "work") == "work"


def test_an_error_of_the_work_is_raised_where_it_was_asked_for() -> None:
    with pytest.raises(ZeroDivisionError):
        run_within(20.0, lambda: 1 // 0, "work")


def test_work_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    with pytest.raises(OverdueError, match="work took too long") as overdue:
        run_within(0.05, never.wait, "work")
    hanging = overdue.value.thread
    assert hanging.is_alive()
    assert hanging.daemon
    never.set()
    hanging.join(20.0)
    assert not hanging.is_alive()


@pytest.mark.slow
def test_a_thread_that_hangs_can_not_keep_the_program_from_ending() -> None:
    code = (
        "import threading; from appliance.system import supervision;"
        "supervision.end_soon(0.2); threading.Event().wait()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "a thread does not end" in ended.stderr
