import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.system.state_lock import StateInUseError, StateLock

HOLD = """
import sys, time
from pathlib import Path
from appliance.system.state_lock import StateLock
with StateLock() as lock:
    lock.take(Path(sys.argv[1]))
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with StateLock() as first, StateLock() as second:
        first.take(state)
        with pytest.raises(StateInUseError, match=str(state)):
            second.take(state)
        assert first.held
        assert not second.held
        first.release()
        second.take(state)
        assert second.held
    assert list(state.iterdir()) == []


def test_a_folder_is_the_same_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with StateLock() as first, StateLock() as second:
        first.take(tmp_path)
        with pytest.raises(StateInUseError):
            second.take(tmp_path / "link")
        first.take(tmp_path / "link")  # its own
        assert first.held


def test_who_can_not_have_another_folder_keeps_the_one_it_has(tmp_path: Path) -> None:
    with StateLock() as first, StateLock() as second:
        first.take(tmp_path / "a")
        second.take(tmp_path / "b")
        with pytest.raises(StateInUseError):
            second.take(tmp_path / "a")
        with pytest.raises(StateInUseError):
            first.take(tmp_path / "b")
        first.release()
        second.take(tmp_path / "a")
        first.take(tmp_path / "b")  # left by the second


@pytest.mark.parametrize("place", ["/proc/nowhere", __file__, "/dev/null/state"])
def test_a_folder_that_can_not_be_made_keeps_nobody_from_running(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with StateLock() as lock, caplog.at_level(logging.WARNING):
        lock.take(Path(place))
        assert not lock.held
    assert place in caplog.text


def test_the_kernel_releases_what_a_killed_program_held(tmp_path: Path) -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as holder,
        StateLock() as lock,
    ):
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateInUseError):
            lock.take(tmp_path)
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        lock.take(tmp_path)
        assert lock.held
