import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.core.events import AudioDropped, SpoolFailed, SpoolRecovered
from appliance.streaming.spool.backlog import MEMORY_LIMIT, Backlog, close_all
from appliance.streaming.spool.inventory import recordings_in
from appliance.streaming.spool.manifest import MANIFEST, read_manifest
from appliance.streaming.spool.quarantine import is_set_aside
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, recording
from tests.streaming.spool import trees
from tests.streaming.spool.test_backlog import (
    SECOND,
    everything,
    fill,
    filled,
    numbered,
    reopened,
)


def test_audio_that_the_disk_refuses_is_held_until_it_takes_it(tmp_path: Path) -> None:
    blocked = tmp_path / "spool"
    blocked.touch()
    posted = Posted()
    backlog = filled(blocked / "s1", 3, posted)
    backlog.open()
    wait_until(lambda: posted.of(SpoolFailed))
    fill(backlog, 9)
    assert everything(backlog) == numbered(12 * SECOND)
    assert posted.of(SpoolRecovered) == []
    blocked.unlink()
    wait_until(lambda: posted.of(SpoolRecovered))
    backlog.close()
    assert len(posted.of(SpoolFailed)) == 1
    assert everything(reopened(blocked / "s1")) == numbered(12 * SECOND)


def test_memory_is_bounded_while_the_disk_refuses(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    posted = Posted()
    backlog = Backlog(tmp_path / "spool" / "s1", recording(), posted)
    for second in range(640):
        backlog.append(bytes(2 * SECOND), BEGAN + second)
    assert backlog.captured == 640 * SECOND
    assert backlog.captured - backlog.start <= MEMORY_LIMIT
    assert sum(event.seconds for event in posted.of(AudioDropped)) == 40.0


def test_closing_ends_even_if_the_disk_refuses(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    backlog = filled(tmp_path / "spool" / "s1", 1)
    backlog.open()
    backlog.close()
    assert not backlog._writer._thread.is_alive()


def test_foreign_files_are_left_alone_and_are_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    posted = Posted()
    folder = tmp_path / "s1"
    backlog = filled(folder, 25, posted)
    backlog.open()
    wait_until((folder / MANIFEST).exists)
    trees.foreign_files(folder)
    left = {path for path in folder.iterdir() if path.suffix != ".pcm"} - {folder / MANIFEST}
    backlog.remove()
    backlog.close()
    assert posted.of(SpoolFailed) == []
    assert set(folder.iterdir()) == {*left, *folder.glob("*\udcff*")}
    assert "other files" in caplog.text
    assert recordings_in(tmp_path) == []


@pytest.mark.parametrize("what", ["manifest", "audio"])
def test_what_the_disk_does_not_let_go_is_set_aside_and_is_no_fault(
    tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    posted = Posted()
    folder = trees.leave_session(tmp_path, "s1")
    first, *rest = trees.audio_of(folder)
    backlog = Backlog(folder, recording(), posted)
    with trees.damaged(folder / MANIFEST if what == "manifest" else first):
        backlog.open()
        backlog.release(20 * SECOND)
        wait_until(lambda: not rest[0].exists())
        backlog.finish()
        backlog.remove()
        backlog.close()
    assert not any(path.exists() for path in rest)
    assert posted.of(SpoolFailed) == []
    [aside] = tmp_path.iterdir()
    assert is_set_aside(aside.name)
    assert aside.name == "s1.undeletable"
    assert caplog.text.count("which is transcribed") == 1
    assert recordings_in(tmp_path) == []


def manifest_as_a_folder(path: Path) -> None:
    path.mkdir()
    (path / "x").touch()


def manifest_that_can_not_be_begun(path: Path) -> None:
    (path.parent / f"{path.name}.new").mkdir()


@pytest.mark.parametrize("occupy", [manifest_as_a_folder, manifest_that_can_not_be_begun])
def test_what_lies_in_the_manifests_place_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, occupy: Callable[[Path], None]
) -> None:
    posted = Posted()
    folder = tmp_path / "s1"
    folder.mkdir()
    occupy(folder / MANIFEST)
    backlog = filled(folder, 1, posted)
    backlog.open()
    wait_until(lambda: read_manifest(folder))
    backlog.close()
    assert posted.of(SpoolFailed) == []
    assert caplog.text.count("it is kept as") == 1


def test_a_manifest_that_can_not_be_written_is_logged_once_while_audio_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    posted = Posted()
    folder = trees.leave_session(tmp_path, "s1")
    audio = trees.audio_of(folder)
    backlog = Backlog(folder, recording(), posted)
    with trees.damaged(folder / MANIFEST):
        backlog.open()
        backlog.append(bytes(2 * SECOND), BEGAN + 1000)
        wait_until(lambda: len(trees.audio_of(folder)) > len(audio))
        backlog.finish()
        backlog.close()
    assert posted.of(SpoolFailed) == []
    assert caplog.text.count("can't write the manifest of") == 1


class StallingDisk:
    """Lets each write of audio hang until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.released = threading.Event()
        self.hanging = threading.Event()
        self._pwrite = os.pwrite
        monkeypatch.setattr(os, "pwrite", self._write)

    def _write(self, file: int, data: bytes, offset: int) -> int:
        if not self.released.is_set():
            self.hanging.set()
            assert self.released.wait(60)
        return self._pwrite(file, data, offset)


def test_a_disk_that_stalls_holds_nobody_up_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = Posted()
    backlog = filled(tmp_path / "s1", 1, posted)
    disk = StallingDisk(monkeypatch)
    backlog.open()
    assert disk.hanging.wait(20)
    fill(backlog, 45)
    assert everything(backlog) == numbered(46 * SECOND)
    assert backlog.busy_timer.lasts() > 0
    close_all([backlog], timeout=0.1)  # returns, though nothing is written
    assert backlog._writer._thread.is_alive()
    disk.released.set()
    backlog.close()
    assert backlog.busy_timer.lasts() == 0
    assert everything(reopened(tmp_path / "s1")) == numbered(46 * SECOND)
    assert posted.of(SpoolFailed) == []
    assert posted.of(AudioDropped) == []


def test_a_new_recording_touches_no_disk_before_its_thread_runs(tmp_path: Path) -> None:
    with trees.damaged(tmp_path, tmp_path / "s1"):
        backlog = Backlog(tmp_path / "s1", recording(), Posted(), is_new=True)
        fill(backlog, 1)
        assert everything(backlog) == numbered(SECOND)


APPEND = """
    import resource, signal, sys, time
    from pathlib import Path
    from appliance.streaming.spool.backlog import Backlog
    from tests.rig.posted import Posted
    from tests.streaming.doubles import recording
    from tests.streaming.spool.test_backlog import fill
    from appliance.core.events import SpoolFailed, SpoolRecovered

    posted = Posted()
    backlog = Backlog(Path(sys.argv[1]) / "s1", recording(), posted)
    def say(line):
        print(line, flush=True)
"""


def child(folder: Path, script: str) -> "subprocess.Popen[str]":
    source = textwrap.dedent(APPEND) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", source, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_written_audio_survives_a_kill(tmp_path: Path) -> None:
    appending = """
        backlog.open()
        while True:
            fill(backlog, 0.5)
            while backlog._segments[-1]._written < 2 * (backlog.captured - backlog._segments[-1].start):
                time.sleep(0.001)
            say(backlog.captured)
    """  # noqa: E501
    with child(tmp_path, appending) as process:
        written = [int(said(process)) for _ in range(50)][-1]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    ((folder, note),) = recordings_in(tmp_path)
    assert note == recording()
    backlog = reopened(folder)
    assert backlog.captured >= written >= 25 * SECOND
    assert everything(backlog) == numbered(backlog.captured)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    filling = """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, most))
        backlog.open()
        fill(backlog, 12)
        while not posted.of(SpoolFailed):
            time.sleep(0.001)
        say("failed")
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        while not posted.of(SpoolRecovered):
            time.sleep(0.001)
        backlog.close()
        say("recovered")
    """
    with child(tmp_path, filling) as process:
        assert said(process) == "failed"
        assert said(process) == "recovered"
        assert process.wait() == 0
    assert everything(reopened(tmp_path / "s1")) == numbered(12 * SECOND)
