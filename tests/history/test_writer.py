import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.core.events import Committed, HistoryFailed, HistoryRecovered
from appliance.core.turns import Covered
from appliance.history import reader
from appliance.history.database import delete_session
from appliance.history.records import Mark, MarkRecord, SessionRecord, TurnRecord
from tests.history.writing import NOW, Writing
from tests.rig.waiting import wait_until

DAY = 86_400.0

Write = Callable[..., Writing]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    opened = []

    def write(
        path: Path = tmp_path / "history.db",
        keep_days: int = 0,
        interval: float = 3600.0,
        boot: str = "boot",
    ) -> Writing:
        opened.append(Writing(path, keep_days, interval, boot=boot))
        return opened[-1]

    yield write
    for writing in opened:
        writing.history.end()


def test_a_turn_is_on_disk_when_it_is_committed(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "Good morning.", covered=16_000)
    assert writing.next() == Committed("a", Covered(16_000, 0, 1))
    [session] = writing.kept()
    assert session == SessionRecord(
        "a", NOW, None, (TurnRecord(0, "Good morning.", NOW, NOW + 0.5),)
    )
    assert reader.covered(writing.path) == {"a": Covered(16_000, 0, 1)}


def test_a_committed_formatted_text_names_its_turn(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "good morning", order=2, origin=16_000)
    assert writing.next() == Committed("a", Covered(0, 16_000, 3))
    writing.keep("a", "Good morning.", order=2, origin=16_000, formatted=True)
    assert writing.next() == Committed("a", Covered(0, 16_000, 3), formatted=(16_000, 2))


def test_a_turn_that_comes_again_replaces_the_earlier_one(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "good morning")
    writing.keep("a", "Good morning.")
    assert writing.texts() == {"a": ["Good morning."]}


def test_turns_are_in_the_order_in_which_they_were_said(write: Write) -> None:
    writing = write()
    writing.begin("a")
    for origin, order in [(16_000, 10), (0, 10), (16_000, 2), (0, 9), (160_000, 0)]:
        writing.keep("a", f"{origin}/{order}", order, origin=origin)
    assert writing.texts() == {"a": ["0/9", "0/10", "16000/2", "16000/10", "160000/0"]}
    assert [turn.order for turn in writing.kept()[0].turns] == [0, 1, 2, 3, 4]


def test_a_turn_without_words_is_not_written_but_covers(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "", covered=16_000)
    assert writing.texts() == {"a": []}
    assert reader.covered(writing.path)["a"].position == 16_000


def test_covered_never_goes_back(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.history.cover("a", Covered(32_000, 0, 2))
    writing.history.cover("a", Covered(16_000, 0, 1))
    writing.written()
    assert reader.covered(writing.path)["a"] == Covered(32_000, 0, 2)


def test_what_will_be_heard_again_is_dropped(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.begin("b")
    for order in range(3):
        writing.keep("a", f"first {order}", order)
        writing.keep("a", f"second {order}", order, origin=16_000)
        writing.keep("b", f"other {order}", order, origin=16_000)
    writing.history.drop_uncovered("a", Covered(20_000, 16_000, 1))
    assert writing.texts()["a"] == ["first 0", "first 1", "first 2", "second 0"]
    assert len(writing.texts()["b"]) == 3


def test_a_session_ends_when_it_did_and_keeps_its_first_end(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "words")
    writing.history.finish("a", Covered(48_000, 0, 1), 3.0)
    writing.begin("a")
    writing.history.finish("a", Covered(48_000, 0, 1), 9.0)
    writing.written()
    assert writing.kept()[0].ended == NOW + 3.0


def test_the_end_of_a_session_is_committed_with_all_that_it_covers(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "words")
    writing.next()
    writing.history.finish("a", Covered(48_000, 0, 1), 3.0)
    assert writing.next() == Committed("a", Covered(48_000, 0, 1), complete=True)
    assert writing.kept()[0].ended == NOW + 3.0


def test_a_session_without_words_is_deleted(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.begin("b")
    writing.keep("b", "words")
    writing.history.finish("a", Covered(), 3.0)
    assert writing.texts() == {"b": ["words"]}


def test_a_session_that_is_continued_stays_as_it_was(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "words", covered=16_000)
    writing.begin("a", started=NOW + 500.0)
    writing.written()
    assert writing.kept()[0].started == NOW
    assert reader.covered(writing.path)["a"].position == 16_000


def test_only_the_owner_may_read_what_was_said(write: Write, tmp_path: Path) -> None:
    writing = write(tmp_path / "state" / "history.db")
    writing.begin("a")
    writing.written()
    assert writing.path.stat().st_mode & 0o777 == 0o600
    assert writing.path.parent.stat().st_mode & 0o777 == 0o700


def test_queued_writes_are_written_at_the_end(tmp_path: Path) -> None:
    writing = Writing(tmp_path / "history.db")
    writing.begin("a")
    for order in range(200):
        writing.keep("a", f"turn {order}", order)
    writing.history.end()
    assert len(writing.kept()[0].turns) == 200


# Marks


def test_marks_are_kept_with_their_session(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.history.save_mark("a", Mark("note", 2.5, "buy milk"))
    writing.history.save_mark("a", Mark("mark", 1.0, "mark this"))
    writing.written()
    assert writing.kept()[0].marks == (
        MarkRecord("mark", NOW + 1.0, "mark this", ""),
        MarkRecord("note", NOW + 2.5, "buy milk", ""),
    )


def test_the_outcome_of_a_command_replaces_heard_even_after_its_session(
    write: Write,
) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "lamp on")
    writing.history.save_mark("a", Mark("command", 1.0, "lamp on", "heard"))
    writing.history.save_mark("a", Mark("note", 1.0, "not that one"))
    writing.history.finish("a", Covered(16_000, 0, 1), 2.0)
    writing.history.save_mark("a", Mark("command", 1.0, "lamp on", "no broker"))
    writing.written()
    assert [(mark.kind, mark.outcome) for mark in writing.kept()[0].marks] == [
        ("command", "no broker"),
        ("note", ""),
    ]


def test_a_mark_stays_when_its_turn_is_heard_again(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "mark this")
    writing.history.save_mark("a", Mark("mark", 1.0, "mark this"))
    writing.history.drop_uncovered("a", Covered())
    assert writing.texts() == {"a": []}
    assert len(writing.kept()[0].marks) == 1


def test_a_command_that_ends_when_its_session_was_deleted_brings_nothing_back(
    write: Write,
) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "lamp on")
    writing.history.finish("a", Covered(16_000, 0, 1), 2.0)
    writing.written()
    assert delete_session(writing.path, "a")
    writing.history.save_mark("a", Mark("command", 1.0, "lamp on", ""))
    assert writing.texts() == {}


def test_a_mark_in_a_new_database_has_its_session(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.written()
    assert delete_session(writing.path, "a")
    writing.history.save_mark("a", Mark("note", 1.0, "buy milk"))
    writing.written()
    assert [mark.text for mark in writing.kept()[0].marks] == ["buy milk"]


# A process that is killed

KILLED = """
import sys
from pathlib import Path
from appliance.core.events import Committed
from tests.history.writing import Writing

writing = Writing(Path(sys.argv[1]), outgoing=True)
writing.begin("a")
for order in range(1_000_000):
    writing.keep("a", f"turn {order}", order, covered=order)
    while not isinstance(writing.next(), Committed):
        pass
    print(order, flush=True)
"""


def test_a_killed_process_loses_nothing_that_was_committed(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "history.db"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        committed = [int(process.stdout.readline()) for _ in range(25)]
        os.kill(process.pid, signal.SIGKILL)
        committed += [int(line) for line in process.stdout]
    covered = reader.covered(path)["a"].position
    turns = list(reader.sessions(path))[0].turns  # noqa: RUF015 - a failure says how many
    assert [turn.text for turn in turns][: len(committed)] == [
        f"turn {order}" for order in committed
    ]
    assert covered == len(turns) - 1  # these are committed together
    assert [turn.text for turn in reader.outgoing_turns(path, 1000)] == [
        turn.text for turn in turns
    ]
    writing = write(path)
    writing.begin("b")
    writing.keep("b", "goes on")
    assert writing.texts()["b"] == ["goes on"]


# A disk that fails


def test_a_folder_that_can_not_be_written_is_reported_once_and_nothing_is_lost(
    write: Write, tmp_path: Path
) -> None:
    folder = tmp_path / "card"
    folder.write_text("a file where the folder should be")
    writing = write(folder / "history.db")
    writing.begin("a")
    failed = writing.next()
    assert isinstance(failed, HistoryFailed)
    assert (failed.fault.what, failed.fault.remedy) == ("Can't save", "check history.path")
    writing.keep("a", "held meanwhile")
    folder.unlink()
    assert writing.next() == HistoryRecovered()
    assert writing.next() == Committed("a", Covered(0, 0, 1))
    assert writing.texts() == {"a": ["held meanwhile"]}


def test_ending_does_not_wait_for_a_disk_that_stays_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "card").write_text("a file where the folder should be")
    writing = Writing(tmp_path / "card" / "history.db", retry_interval=60.0)
    for number in range(50):
        writing.begin(f"session {number}")
    writing.history.end()
    events = [writing.posted.get() for _ in range(writing.posted.qsize())]
    assert [type(event) for event in events] == [HistoryFailed]
    assert "hangs" not in caplog.text


def damage(path: Path) -> None:
    """Damage a database that is open, so that its next use finds it malformed."""
    database = sqlite3.connect(path)
    with database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_schema SET rootpage = 9999 WHERE name = 'turn'")
        database.execute("PRAGMA schema_version = 9999")
    database.close()


@pytest.mark.parametrize("open_before", [True, False])
def test_a_damaged_database_is_set_aside_and_the_session_goes_on_in_a_new_one(
    write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture, open_before: bool
) -> None:
    path = tmp_path / "history.db"
    if open_before:
        writing = write(path)
        writing.begin("a")
        writing.keep("a", "before", covered=16_000)
        writing.written()
        damage(path)
    else:
        path.write_bytes(b"no database at all" * 1000)
        writing = write(path)
        writing.begin("a")
    with caplog.at_level(logging.ERROR):
        writing.keep("a", "after", order=1, covered=32_000)
        assert writing.texts() == {"a": ["after"]}
    assert reader.covered(path)["a"].position == 32_000
    writing.history.finish("a", Covered(32_000, 0, 2), 3.0)
    writing.written()
    assert writing.kept()[0].started == NOW
    assert writing.kept()[0].ended == NOW + 3.0
    aside = path.with_name(f"history.db.damaged-{NOW:.0f}")
    assert aside.stat().st_size > 0
    assert str(aside) in caplog.text


def test_damage_is_reported_until_turns_are_written_again(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database at all" * 1000)
    writing = write(path)
    writing.begin("a")
    assert isinstance(writing.next(), HistoryFailed)
    assert writing.next() == HistoryRecovered()


def test_a_session_deleted_while_it_runs_is_saved_from_there(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "deleted")
    writing.written()
    assert delete_session(writing.path, "a")
    writing.keep("a", "said later", order=1)
    assert writing.texts() == {"a": ["said later"]}


def test_a_removed_database_is_replaced(write: Write, tmp_path: Path) -> None:
    writing = write(tmp_path / "state" / "history.db")
    writing.begin("a")
    writing.keep("a", "removed")
    writing.written()
    shutil.rmtree(tmp_path / "state")
    writing.keep("a", "said later", order=1)
    assert writing.texts() == {"a": ["said later"]}


def test_a_database_in_use_by_another_is_waited_for(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.written()
    other = sqlite3.connect(writing.path)
    other.execute("BEGIN IMMEDIATE")
    writing.keep("a", "in the end")
    other.rollback()
    other.close()
    assert writing.texts() == {"a": ["in the end"]}


# Old sessions


def test_sessions_older_than_keep_days_are_deleted_at_the_start(
    write: Write, tmp_path: Path
) -> None:
    writing = write()
    for name, days in [("old", 8.0), ("recent", 6.0)]:
        writing.begin(name, started=NOW - days * DAY)
        writing.keep(name, "words")
        writing.history.finish(name, Covered(), 60.0)
    writing.written()
    later = write(tmp_path / "history.db", keep_days=7, boot="next")
    later.begin("new")
    assert [*later.texts()] == ["recent", "new"]


def test_sessions_that_get_old_while_it_runs_are_deleted(write: Write) -> None:
    writing = write(keep_days=7, interval=0.05, boot="this")
    writing.begin("a", boot="an earlier one")
    writing.keep("a", "words")
    writing.history.finish("a", Covered(), 60.0)
    writing.written()
    assert [kept.id for kept in writing.kept()] == ["a"]
    writing.clock.now += 8 * DAY
    writing.wall_clock.now += 8 * DAY
    wait_until(lambda: writing.kept() == [])


def test_without_keep_days_nothing_is_deleted(write: Write) -> None:
    writing = write()
    writing.begin("old", started=0.0)
    writing.keep("old", "words")
    writing.history.finish("old", Covered(), 60.0)
    assert [*writing.texts()] == ["old"]


def test_marks_and_outgoing_turns_are_deleted_with_their_session(
    tmp_path: Path, write: Write
) -> None:
    writing = Writing(tmp_path / "history.db", outgoing=True)
    for name, days in [("old", 8.0), ("recent", 6.0)]:
        writing.begin(name, started=NOW - days * DAY)
        writing.keep(name, "words")
        writing.history.save_mark(name, Mark("note", 1.0, "buy milk"))
        writing.history.finish(name, Covered(16_000, 0, 1), 60.0)
    writing.history.end()
    assert [turn.session for turn in reader.outgoing_turns(writing.path)] == ["old", "recent"]
    write(keep_days=7, boot="next").written()
    assert [turn.session for turn in reader.outgoing_turns(writing.path)] == ["recent"]
    database = sqlite3.connect(writing.path)
    assert database.execute("SELECT session FROM mark").fetchall() == [("recent",)]
    database.close()


# The clock


def test_the_times_of_this_boot_are_corrected_once_the_clock_is_set(write: Write) -> None:
    writing = write()
    writing.wall_clock.now = 60.0  # a Pi that thinks it is 1970
    writing.begin("earlier boot", boot="another")
    writing.keep("earlier boot", "words")
    writing.begin("ended")
    writing.keep("ended", "words")
    writing.history.save_mark("ended", Mark("mark", 2.0, "mark this"))
    writing.history.finish("ended", Covered(), 30.0)
    writing.clock.now += 100.0
    writing.wall_clock.now += 100.0
    writing.begin("running")
    writing.keep("running", "words")
    writing.wall_clock.now = NOW
    writing.history.correct_clock("boot")
    writing.history.finish("running", Covered(), 10.0)
    writing.written()
    times = {kept.id: (kept.started, kept.ended, kept.turns[0].started) for kept in writing.kept()}
    assert times == {
        "earlier boot": (60.0, None, 60.0),
        "ended": (NOW - 100.0, NOW - 70.0, NOW - 100.0),
        "running": (NOW, NOW + 10.0, NOW),
    }
    assert [mark.at for kept in writing.kept() for mark in kept.marks] == [NOW - 98.0]


def test_times_that_are_right_are_left_alone(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.wall_clock.now += 0.5
    writing.history.correct_clock("boot")
    writing.written()
    assert writing.kept()[0].started == NOW
