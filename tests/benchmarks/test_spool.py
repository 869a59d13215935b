from pathlib import Path

from appliance.controller.session_factory import SessionFactory
from appliance.core.recording import boot_id
from appliance.settings import Settings
from tests.benchmarks.spool import leave_behind
from tests.rig.box import settings_for


def test_the_appliance_finds_what_was_left_behind(tmp_path: Path) -> None:
    pcm = bytes(range(256)) * 2000
    leave_behind(tmp_path, pcm)
    settings: Settings = settings_for("ws://127.0.0.1:9", "http://127.0.0.1:9", tmp_path)
    ((backlog, covered),) = SessionFactory(settings, lambda _: None).left_over()
    found = b""
    while piece := backlog.read(len(found) // 2, 16_000):
        found += piece
    backlog.close()
    assert found == pcm
    assert covered.position == 0
    assert backlog.recording.boot == boot_id()
    assert not backlog.recording.finished
