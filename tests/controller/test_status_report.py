import json
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.controller.fault_list import FaultList
from appliance.controller.status_report import StatusReport
from appliance.core.events import (
    ButtonReady,
    LevelMeasured,
    MicrophoneFailed,
    MicrophoneOpened,
    Pressed,
    ScreenFailed,
    ScreenRecovered,
)
from appliance.core.faults import Fault
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from tests.rig.clock import Clock

READY = Scene(Mode.READY)
LISTENING = Scene(Mode.LISTENING, elapsed=12.0, waiting=3.0, network=True)


class Watched:
    """A status report with its file, as another program reads it a second later."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "status.json"
        self.clock = Clock(100.0)
        self.wall_clock = Clock(1_700_000_000.0)
        self.frames = 7
        self.faults = FaultList()
        self.status = StatusReport(
            Settings(),
            self.faults,
            self.path,
            source=Path("/etc/appliance/appliance.toml"),
            frames=lambda: self.frames,
            clock=self.clock,
            wall_clock=self.wall_clock,
        )

    def show(self, scene: Scene) -> dict[str, Any]:
        self.clock.now += 1.0
        self.wall_clock.now += 1.0
        self.status.show(scene)
        written: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return written


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_the_status_is_that_of_the_screen(watched: Watched) -> None:
    report = watched.show(READY)
    assert report["mode"] == "ready"
    assert report["status"] == "Ready: press to start"
    assert report["settings"] == "/etc/appliance/appliance.toml"
    assert report["faults"] == []
    assert report["session"] is None
    assert report["written"] > report["started"]


def test_the_last_press_is_reported(watched: Watched) -> None:
    assert watched.show(READY)["button"] == {"ready": False, "pressed": None}
    watched.status.handle(ButtonReady())
    assert watched.show(READY)["button"] == {"ready": True, "pressed": None}
    watched.status.handle(Pressed())
    button = watched.show(READY)["button"]
    assert button["ready"]
    assert button["pressed"]


def test_the_pictures_of_the_screen_are_counted(watched: Watched) -> None:
    assert watched.show(READY)["screen"] == {"driver": "ssd1306", "shows": False, "frames": 7}
    watched.status.handle(ScreenRecovered())
    watched.frames = 9
    assert watched.show(READY)["screen"] == {"driver": "ssd1306", "shows": True, "frames": 9}
    watched.status.handle(ScreenFailed(Fault("gone")))
    assert not watched.show(READY)["screen"]["shows"]


def test_the_level_and_the_loudest_of_the_session_are_reported(watched: Watched) -> None:
    watched.status.handle(MicrophoneOpened("USB", 48_000))
    watched.show(LISTENING)
    watched.status.handle(LevelMeasured(0.7))
    watched.status.handle(LevelMeasured(0.2))
    microphone = watched.show(LISTENING)["microphone"]
    assert microphone == {
        "open": True,
        "name": "USB",
        "rate": 48_000,
        "level": 0.2,
        "loudest": 0.7,
    }
    closed = watched.show(READY)["microphone"]
    assert not closed["open"]
    assert closed["level"] == 0.0
    assert closed["loudest"] == 0.7
    assert watched.show(LISTENING)["microphone"]["loudest"] == 0.0


def test_faults_are_reported_with_their_remedy(watched: Watched) -> None:
    watched.faults.handle(MicrophoneFailed(Fault("No microphone", "plug one in", "a detail")))
    assert watched.show(READY)["faults"] == [
        {"part": "microphone", "what": "No microphone", "remedy": "plug one in"}
    ]


def test_the_session_and_waiting_audio_are_reported(watched: Watched) -> None:
    report = watched.show(LISTENING)
    assert report["session"] == {
        "elapsed": 12.0,
        "waiting": 3.0,
        "connected": True,
        "fallback": False,
    }
    assert report["waiting"] == 0.0
    waiting = msgspec.structs.replace(READY, waiting=90.0)
    assert watched.show(waiting)["waiting"] == 90.0


def test_the_file_is_written_once_a_second_at_most(watched: Watched) -> None:
    watched.show(READY)
    before = watched.path.read_text(encoding="utf-8")
    watched.status.handle(Pressed())
    watched.status.show(LISTENING)
    assert watched.path.read_text(encoding="utf-8") == before


def test_an_unchanged_file_is_written_again_every_ten_seconds(watched: Watched) -> None:
    first = watched.show(READY)["written"]
    assert {watched.show(READY)["written"] for _ in range(9)} == {first}
    assert watched.show(READY)["written"] > first


def test_a_change_is_written_at_once(watched: Watched) -> None:
    first = watched.show(READY)["written"]
    watched.faults.handle(MicrophoneFailed(Fault("No microphone")))
    assert watched.show(READY)["written"] > first


def test_a_file_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    StatusReport(Settings(), FaultList(), tmp_path / "none" / "status.json").show(READY)


def test_systemd_gets_each_sentence_once(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(20)
        for _ in range(3):
            watched.show(READY)
        watched.show(Scene(Mode.STOPPING))
        assert receiver.recv(1000) == b"STATUS=Ready: press to start"
        assert receiver.recv(1000).startswith(b"STATUS=Switching off")
