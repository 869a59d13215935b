"""Settings that are lost, and the last good ones too: the box talks to nobody unasked."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.app import run as running
from appliance.app.probation import Probation
from appliance.core.events import Event, PartHung, Post
from appliance.core.faults import Fault
from appliance.screen import texts
from appliance.screen.scene import Mode
from appliance.settings import Settings, last_good
from appliance.settings.last_good import GoodSettings
from appliance.settings.load import parse
from tests.rig.box import Box, settings_for
from tests.rig.privileges import unprivileged
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.spool import trees

MISTAKE = Fault("Settings: mistake", "is empty: write it again")

NOW = b'name = "now"\n[service]\nurl = "ws://127.0.0.1:8765/v3/ws"\n'
BEFORE = b'name = "before"\n[service]\nurl = "ws://127.0.0.1:8766/v3/ws"\n'


def nothing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def garbage(path: Path) -> None:
    path.write_bytes(b"\xff\0[[{" * 1000)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def unreadable(path: Path) -> None:
    path.chmod(0)


def whole(_: Path) -> None:
    pass


KINDS: list[Callable[[Path], None]] = [
    whole,
    nothing,
    empty,
    cut,
    garbage,
    folder,
    pipe,
    loop,
    link_to_nothing,
    unreadable,
]


class Once:
    """An appliance that notes how it was run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.post: Post = lambda _: None
        self.probation = Probation()

    def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
        self.fault, self.held = fault, held
        self.probation.begin()
        return PartHung("nothing, to end it")


def started(path: Path) -> Once:
    built: list[Once] = []

    def build(settings: Settings, _: Path) -> Once:
        built.append(Once(settings))
        return built[-1]

    running.run(path, build)
    return built[-1]


@pytest.mark.parametrize("of_last_good", KINDS)
@pytest.mark.parametrize("of_file", KINDS)
def test_what_runs_and_what_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    of_file: Callable[[Path], None],
    of_last_good: Callable[[Path], None],
) -> None:
    with unprivileged() as state:
        monkeypatch.setenv("STATE_DIRECTORY", str(state))
        path = state / "appliance.toml"
        path.write_bytes(NOW)
        last_good.save(GoodSettings(parse(BEFORE, path), BEFORE), state)
        of_file(path)
        for name in (last_good.NAME, last_good.TEXT_NAME):
            of_last_good(state / name)
        for _ in range(2):  # nor is it otherwise at the next start
            caplog.clear()
            ran = started(path)
            if of_file is whole:
                assert (ran.settings.name, ran.fault, ran.held) == ("now", None, False)
            elif of_last_good is whole:
                assert (ran.settings.name, ran.held) == ("before", False)
                assert ran.fault
            elif of_file is nothing and of_last_good is nothing:
                assert (ran.settings, ran.fault, ran.held) == (Settings(), None, False)
                break  # from now on the defaults are good ones
            else:
                assert ran.held
                assert ran.fault
                assert ran.fault.what == "Settings: mistake"
                assert ran.fault.remedy
            assert caplog.text.count("last good settings") <= 1
        if of_file is whole:
            kept = last_good.load(state)
            assert kept
            assert kept.settings.name == "now" or of_last_good is whole  # after a minute


class HeldBox(Box):
    """A box whose settings are not known."""

    def _run(self) -> None:
        self.reason = self.appliance.run(MISTAKE, held=True)


def test_a_box_without_settings_begins_nothing_and_delivers_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session = trees.leave_session(tmp_path / "spool", "s1")
    with ScriptedService() as service:
        with HeldBox(settings_for(service.url, service.token_url, tmp_path)) as box:
            wait_until(lambda: box.scene.fault == MISTAKE)
            assert texts.state(box.scene) == "Not ready"
            box.press()
            wait_until(lambda: "correct the settings first" in caplog.text)
            assert box.scene.mode is Mode.READY
        assert service.token_requests == []
        assert service.connections == []
    assert len(trees.audio_of(session)) == 3


def test_a_copy_whose_place_is_taken_is_set_aside_when_others_are_saved(tmp_path: Path) -> None:
    (tmp_path / last_good.NAME).mkdir()
    last_good.save(GoodSettings(Settings(), NOW), tmp_path)
    assert (tmp_path / f"{last_good.NAME}.unreadable").is_dir()
    assert last_good.load(tmp_path) == GoodSettings(Settings(), NOW)
