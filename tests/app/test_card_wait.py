"""A card that does not answer at the start: the screen says so, and the program can end."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.app import run as running
from appliance.app.appliance import Appliance
from appliance.app.card_wait import WAITING, EndedError, stall_shown, wait_for_card
from appliance.controller.card_watch import STALLED
from appliance.controller.session_factory import SessionFactory
from appliance.core.events import Event, StopRequested
from appliance.screen.scene import Mode
from appliance.system import status_file
from appliance.system.state_lock import StateLock
from tests.rig.box import UnawaitedBox, settings_for
from tests.rig.waiting import wait_until


class Stalled:
    """Work that waits until the card answers."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.shown = 0

    def __call__(self) -> str:
        assert self.answers.wait(20)
        return "read"

    @contextlib.contextmanager
    def showing(self) -> Iterator[Callable[[], None]]:
        def show() -> None:
            self.shown += 1
            self.answers.set()

        yield show


def test_a_card_that_does_not_answer_is_shown_until_it_does() -> None:
    stalled = Stalled()
    assert wait_for_card(stalled, stalled.showing, lambda: False, stall_time=0.01) == "read"
    assert stalled.shown >= 1


def test_an_error_of_the_work_is_raised() -> None:
    stalled = Stalled()

    def fail() -> None:
        stalled()
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the test's own
        wait_for_card(fail, stalled.showing, lambda: False, stall_time=0.01)


def test_the_program_can_end_before_the_card_answers() -> None:
    stalled = Stalled()
    with pytest.raises(EndedError):
        wait_for_card(stalled, stalled.showing, lambda: True, stall_time=0.01)
    stalled.answers.set()


def test_the_status_names_it_before_there_is_an_appliance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    source = tmp_path / "appliance.toml"
    source.write_text('[display]\ndriver = "none"\n')
    with stall_shown(source) as show:
        show()
        path = status_file.to_write()
        assert path
        assert STALLED.what in path.read_text()


class Sluggish:
    """Lets the first call of a method hang until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self.hangs = threading.Event()
        self.answers = threading.Event()
        method = getattr(owner, name)

        def slow(*args: object, **kwargs: object) -> object:
            self.hangs.set()
            assert self.answers.wait(60)
            return method(*args, **kwargs)

        monkeypatch.setattr(owner, name, slow)


@pytest.mark.slow
def test_a_box_whose_left_over_audio_can_not_be_read_yet_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Sluggish(monkeypatch, SessionFactory, "left_over")
    with UnawaitedBox(settings_for("ws://127.0.0.1:9", "http://127.0.0.1:9", tmp_path)) as box:
        wait_until(lambda: box.scene == WAITING)
        disk.answers.set()
        wait_until(lambda: box.scene.mode is Mode.READY)
        assert box.scene.fault != STALLED


@pytest.mark.slow
def test_a_box_whose_card_never_answers_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Sluggish(monkeypatch, SessionFactory, "left_over")
    with UnawaitedBox(settings_for("ws://127.0.0.1:9", "http://127.0.0.1:9", tmp_path)) as box:
        wait_until(lambda: box.scene == WAITING)
        box.appliance.post(StopRequested())
        wait_until(lambda: box.reason)
    disk.answers.set()
    assert box.reason == StopRequested()


@pytest.mark.slow
def test_a_start_whose_state_folder_does_not_answer_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Sluggish(monkeypatch, StateLock, "take")
    path = tmp_path / "appliance.toml"
    path.write_text(f'[display]\ndriver = "none"\n[history]\npath = "{tmp_path}/history.db"\n')
    before = {number: signal.getsignal(number) for number in (1, 2, 15)}

    def stop() -> None:
        wait_until(lambda: "waiting for it" in caplog.text)
        os.kill(os.getpid(), signal.SIGTERM)

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        assert running.run(path, build=NeverBuilt)
    finally:
        stopping.join()
        disk.answers.set()
        for number, handler in before.items():
            signal.signal(number, handler)


class NeverBuilt(Appliance):
    def run(self, _: object = None, *, held: bool = False) -> Event:
        raise AssertionError(held)
