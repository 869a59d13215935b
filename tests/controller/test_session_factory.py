import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import msgspec

from appliance.controller.session_factory import SessionFactory
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import SessionEnded, TurnReceived
from appliance.core.recording import boot_id
from appliance.core.turns import Covered, Turn
from appliance.history.writer import HistoryWriter
from appliance.settings import Settings
from appliance.settings.schema import HistorySettings
from appliance.streaming.spool.manifest import write_manifest
from appliance.streaming.spool.segment import LENGTH, Segment
from tests.rig.posted import Posted
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.doubles import recording


def settings_in(folder: Path, service: ScriptedService | None = None) -> Settings:
    settings = Settings(history=HistorySettings(path=str(folder / "history.db")))
    if service is None:
        return settings
    parts = {"url": service.url, "token_url": service.token_url}
    return msgspec.structs.replace(
        settings, service=msgspec.structs.replace(settings.service, **parts)
    )


def leave_audio(folder: Path, session: str, start: int = 0) -> None:
    """Leave what an earlier run of the program may leave: two segments and a note."""
    spool = folder / "spool" / session
    write_manifest(spool, recording(session))
    for position in (start, start + LENGTH):
        segment = Segment(spool, position, 1000.0 + position / SAMPLE_RATE)
        segment.append(bytes(2 * LENGTH))
        segment.write()
        segment.close()


def keep_turn(folder: Path, session: str, covered: Covered) -> None:
    inbox = Posted()
    history = HistoryWriter(HistorySettings(path=str(folder / "history.db")), inbox)
    history.start()
    history.begin(recording(session))
    turn = Turn(0, "said", finished=True)
    history.save_turn(TurnReceived(session, 0, turn, started=0.0, ended=1.0, covered=covered))
    history.end()


def test_a_new_session_begins_now_under_a_name_of_its_own(tmp_path: Path) -> None:
    inbox = Posted()
    with ScriptedService() as service:
        sessions = SessionFactory(
            settings_in(tmp_path, service), inbox, clock=lambda: 7.0, wall_clock=lambda: 9e8
        )
        first, second = sessions.new(), sessions.new()
        for session in (first, second):
            session.finish()
            session.join()
            session.backlog.close()
    assert first.name != second.name
    note = first.backlog.recording
    assert (note.started, note.monotonic, note.boot) == (9e8, 7.0, boot_id())
    assert [event.complete for event in inbox.of(SessionEnded)] == [True, True]


def test_nothing_is_left_over_at_first(tmp_path: Path) -> None:
    assert SessionFactory(settings_in(tmp_path), Posted()).left_over() == []


def test_the_database_knows_what_is_left_over(tmp_path: Path) -> None:
    leave_audio(tmp_path, "s1")
    covered = Covered(LENGTH + 5, 0, 1)
    keep_turn(tmp_path, "s1", covered)
    ((backlog, known),) = SessionFactory(settings_in(tmp_path), Posted()).left_over()
    assert known == covered
    assert backlog.start == LENGTH
    wait_until(lambda: len(list((tmp_path / "spool" / "s1").glob("*.pcm"))) == 1)
    backlog.close()


def test_without_a_database_all_of_it_is_left_over(tmp_path: Path) -> None:
    leave_audio(tmp_path, "s1")
    ((backlog, known),) = SessionFactory(settings_in(tmp_path), Posted()).left_over()
    backlog.close()
    assert (backlog.start, backlog.captured) == (0, 2 * LENGTH)
    assert known == Covered()


def test_a_database_that_can_not_be_read_costs_no_words(tmp_path: Path) -> None:
    leave_audio(tmp_path, "s1", start=LENGTH)
    (tmp_path / "history.db").write_bytes(b"not a database at all" * 100)
    ((backlog, known),) = SessionFactory(settings_in(tmp_path), Posted()).left_over()
    backlog.close()
    # Turns before the oldest audio would not be heard again if they were dropped now.
    assert known.position == backlog.start == LENGTH
    assert known.key > (0, 1_000_000)


def test_closing_what_is_left_over_ends_its_threads(tmp_path: Path) -> None:
    leave_audio(tmp_path, "left")
    for backlog, _ in SessionFactory(settings_in(tmp_path), Posted()).left_over():
        backlog.close()
    assert "spool-left" not in [thread.name for thread in threading.enumerate()]


def in_a_new_interpreter(code: str) -> None:
    """Run code where nothing is loaded yet; fails as it does."""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, cwd=root)


def test_the_network_libraries_are_not_loaded_at_once() -> None:
    in_a_new_interpreter("""
        import sys
        from appliance.controller.session_factory import SessionFactory
        from appliance.settings import Settings
        sessions = SessionFactory(Settings(), print)
        sessions.start()
        sessions.end()
        assert not {"requests", "websocket"} & set(sys.modules)
    """)


def test_the_network_libraries_are_loaded_later_without_a_session() -> None:
    in_a_new_interpreter("""
        import sys
        from appliance.controller.session_factory import SessionFactory
        from appliance.settings import Settings
        from tests.rig.waiting import wait_until
        sessions = SessionFactory(Settings(), print, load_after=0)
        sessions.start()
        wait_until(lambda: "appliance.streaming.transport" in sys.modules)
        sessions.end()
        assert {"requests", "websocket"} <= set(sys.modules)
    """)
