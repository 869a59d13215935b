"""Databases of other versions of the program: none is lost, and none stops the saving of turns."""

import logging
import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from appliance.core.events import Committed, HistoryFailed, HistoryRecovered
from appliance.core.speakers import Speaker
from appliance.core.turns import Covered
from appliance.history import reader
from appliance.history.database import (
    delete_session,
    open_database,
)
from appliance.history.location import files_set_aside
from appliance.history.records import Mark, MarkRecord, OutgoingTurn, SessionRecord, TurnRecord
from appliance.history.schema import MIGRATIONS, SCHEMA_VERSION, SchemaError, migrate, version_of
from tests.history import schemas
from tests.history.writing import NOW, Writing

MARK = MarkRecord("note", 101.25, "buy milk", "")
OUTGOING = OutgoingTurn("old", 0, 1, "and this", 102.0, 102.5)
TURNS = (TurnRecord(0, "from before", 101.0, 101.5), TurnRecord(1, "and this", 102.0, 102.5))

older = pytest.mark.parametrize("tables", schemas.OLDER.values(), ids=schemas.OLDER)
fitting = pytest.mark.parametrize(
    ("tables", "changes"), schemas.FITTING.values(), ids=schemas.FITTING
)
misfits = pytest.mark.parametrize(
    ("tables", "changes"), schemas.MISFITS.values(), ids=schemas.MISFITS
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def old_session(tables: str) -> SessionRecord:
    """Return the session that lies in a database with these tables."""
    return SessionRecord("old", 100.0, 130.0, TURNS, (MARK,) if "mark" in tables else ())


def old_outgoing(tables: str) -> list[OutgoingTurn]:
    return [OUTGOING] if "outgoing" in tables else []


def write_all(path: Path) -> list[object]:
    """Write a session "new" with a turn, a mark and an end; return what is posted of it."""
    writing = Writing(path, outgoing=True)
    writing.begin("new")
    writing.keep("new", "said now", covered=16_000)
    writing.history.save_mark("new", Mark("mark", 1.0, "mark this"))
    writing.history.finish("new", Covered(32_000, 0, 1), 3.0)
    posted: list[object] = [writing.next()]
    while posted[-1] != Committed("new", Covered(32_000, 0, 1), complete=True):
        posted.append(writing.next())
    writing.history.end()
    return posted


def new_session(path: Path) -> SessionRecord:
    (session,) = reader.sessions(path, "new")
    return session


def is_all_there(session: SessionRecord) -> bool:
    return session == SessionRecord(
        "new",
        NOW,
        NOW + 3.0,
        (TurnRecord(0, "said now", NOW, NOW + 0.5),),
        (MarkRecord("mark", NOW + 1.0, "mark this", ""),),
    )


# Older ones


@older
def test_an_older_database_is_read_without_being_changed(path: Path, tables: str) -> None:
    schemas.make(path, tables)
    before = path.read_bytes()
    assert list(reader.sessions(path)) == [old_session(tables)]
    assert reader.covered(path) == {"old": Covered(16_000, 0, 2)}
    assert reader.last_marks(path, ["old"]) == ({"old": 1.25} if "mark" in tables else {})
    assert reader.outgoing_turns(path) == old_outgoing(tables)
    assert path.read_bytes() == before


@older
def test_an_older_database_is_brought_up_to_date_with_all_it_holds(path: Path, tables: str) -> None:
    schemas.make(path, tables)
    before = schemas.contents(path)
    open_database(path).close()
    assert schemas.version(path) == SCHEMA_VERSION
    after = schemas.contents(path)
    for table, rows in before.items():
        # New columns come last.
        assert [row[: len(rows[0])] for row in after[table]] == rows
    assert list(reader.sessions(path)) == [old_session(tables)]
    assert reader.outgoing_turns(path) == old_outgoing(tables)


@older
def test_an_older_database_takes_what_is_said_now(path: Path, tables: str) -> None:
    schemas.make(path, tables)
    assert all(isinstance(event, Committed) for event in write_all(path))
    assert is_all_there(new_session(path))
    assert next(reader.sessions(path, "old")) == old_session(tables)
    waiting = [turn.text for turn in reader.outgoing_turns(path)]
    assert waiting == [*(turn.text for turn in old_outgoing(tables)), "said now"]
    assert files_set_aside(path) == []


@older
def test_a_session_in_an_older_database_can_be_deleted(path: Path, tables: str) -> None:
    schemas.make(path, tables)
    assert delete_session(path, "old")
    assert list(reader.sessions(path)) == []
    assert reader.outgoing_turns(path) == []


def test_the_database_of_0_3_0_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    def schema(path: Path) -> list[tuple[str, ...]]:
        with closing(open_database(path)) as database:
            return database.execute("SELECT name, sql FROM sqlite_schema ORDER BY 1").fetchall()

    schemas.make(tmp_path / "old.db", schemas.OLDER["0.3.0"])
    assert schema(tmp_path / "old.db") == schema(tmp_path / "new.db")


def test_the_version_before_can_go_on_with_a_database_that_was_brought_up_to_date(
    path: Path,
) -> None:
    schemas.make(path, schemas.OLDER["schema 2"])
    writing = Writing(path)
    writing.begin("new")
    writing.keep("new", "said now", speaker="A")
    writing.written()
    writing.history.end()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "INSERT INTO turn (session, origin, turn_order, text, started, ended)"
            " SELECT 'new', 0, :order, :text, 1.0, 1.5 WHERE :text != ''"
            " ON CONFLICT DO UPDATE"
            " SET text = excluded.text, started = excluded.started, ended = excluded.ended",
            {"order": 1, "text": "said back then"},
        )
    assert [(turn.text, turn.speaker) for turn in new_session(path).turns] == [
        ("said now", Speaker("A")),
        ("said back then", None),
    ]


def test_two_programs_may_open_an_older_database_at_once(path: Path) -> None:
    schemas.make(path, schemas.OLDER["0.2"])
    both = threading.Barrier(2)
    failed = []

    def open_it() -> None:
        both.wait()
        try:
            open_database(path).close()
        except sqlite3.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert schemas.version(path) == SCHEMA_VERSION


def test_a_database_is_at_the_present_version_from_the_first(path: Path) -> None:
    open_database(path).close()
    assert schemas.version(path) == SCHEMA_VERSION


@pytest.mark.parametrize("version", [0, 1, -1])
def test_a_restored_database_that_has_lost_its_version_takes_what_is_said_now(
    path: Path, version: int
) -> None:
    with closing(sqlite3.connect(":memory:")) as before:
        migrate(before)
        dump = "\n".join(before.iterdump())
    with closing(sqlite3.connect(path)) as restored:
        restored.executescript(dump)
        restored.execute(f"PRAGMA user_version = {version}")
    posted = write_all(path)
    assert not any(isinstance(event, HistoryFailed) for event in posted)
    assert is_all_there(new_session(path))
    with closing(open_database(path)) as database:
        assert version_of(database) == SCHEMA_VERSION


# The next ones

LANGUAGE = "ALTER TABLE turn ADD COLUMN language TEXT"


@older
def test_a_later_version_may_add_a_column(path: Path, tables: str) -> None:
    schemas.make(path, tables)
    with closing(open_database(path)) as database:
        migrate(database, (*MIGRATIONS, (LANGUAGE,)))
        migrate(database, (*MIGRATIONS, (LANGUAGE,)))
        assert version_of(database) == SCHEMA_VERSION + 1
        rows = database.execute("SELECT text, language FROM turn").fetchall()
    assert rows == [("from before", None), ("and this", None)]
    assert list(reader.sessions(path)) == [old_session(tables)]


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    schemas.make(path, schemas.OLDER["0.2"])
    before = schemas.contents(path)
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.OperationalError):
        migrate(database, (*MIGRATIONS, (LANGUAGE, "no SQL at all")))
    assert schemas.contents(path) == before
    assert schemas.version(path) == 0


# Newer ones


@fitting
def test_a_newer_database_is_read(path: Path, tables: str, changes: str) -> None:
    schemas.make(path, tables, changes)
    assert list(reader.sessions(path)) == [old_session(tables)]
    assert reader.covered(path) == {"old": Covered(16_000, 0, 2)}
    assert reader.last_marks(path, ["old"]) == {"old": 1.25}
    assert reader.outgoing_turns(path) == [OUTGOING]


@fitting
def test_a_newer_database_takes_what_is_said_now(path: Path, tables: str, changes: str) -> None:
    schemas.make(path, tables, changes)
    version = schemas.version(path)
    assert all(isinstance(event, Committed) for event in write_all(path))
    assert is_all_there(new_session(path))
    assert next(reader.sessions(path, "old")) == old_session(tables)
    assert [turn.text for turn in reader.outgoing_turns(path)] == ["and this", "said now"]
    assert delete_session(path, "old")
    assert [session.id for session in reader.sessions(path)] == ["new"]
    assert files_set_aside(path) == []
    assert schemas.version(path) == version


@misfits
def test_a_database_that_takes_no_turns_is_set_aside_and_a_new_one_begins(
    path: Path, tables: str, changes: str, caplog: pytest.LogCaptureFixture
) -> None:
    schemas.make(path, tables, changes)
    before = schemas.contents(path)
    with caplog.at_level(logging.ERROR):
        assert all(isinstance(event, Committed) for event in write_all(path))
    assert is_all_there(new_session(path))
    assert [session.id for session in reader.sessions(path)] == ["new"]
    assert [turn.text for turn in reader.outgoing_turns(path)] == ["said now"]
    assert schemas.version(path) == SCHEMA_VERSION
    (aside,) = files_set_aside(path)
    assert aside.name == f"history.db.newer-{NOW:.0f}"
    after = schemas.contents(aside)
    assert {row for row in after.get("turn", after.get("utterance", [])) if row[0] != "new"} == {
        *before.get("turn", before.get("utterance", []))
    }
    assert str(aside) in caplog.text
    reason = "newer version" if changes.startswith(schemas.NEWER) else "not the program's own"
    assert reason in caplog.text
    assert "card" not in caplog.text.lower()


@misfits
def test_a_database_that_takes_no_turns_is_read_as_far_as_it_goes(
    path: Path, tables: str, changes: str
) -> None:
    schemas.make(path, tables, changes)
    assert reader.covered(path) == {"old": Covered(16_000, 0, 2)}
    if (tables, changes) not in schemas.RENAMED.values():
        assert list(reader.sessions(path)) == [old_session(tables)]
        assert reader.outgoing_turns(path) == old_outgoing(tables)


@pytest.mark.parametrize(
    "name", [name for name, it in schemas.MISFITS.items() if "RENAME" in it[1]]
)
def test_where_the_words_of_a_newer_database_are_not_found_the_error_says_what_to_do(
    path: Path, name: str
) -> None:
    schemas.make(path, *schemas.RENAMED[name])
    with pytest.raises(SchemaError, match=r"newer version .* update the program"):
        list(reader.sessions(path))
    with pytest.raises(SchemaError, match=r"newer version .* update the program"):
        reader.outgoing_turns(path)


def test_a_database_that_takes_no_marks_is_set_aside_too(path: Path) -> None:
    schemas.make(path, *schemas.NO_MARKS)
    writing = Writing(path)
    writing.begin("new")
    writing.keep("new", "said now")
    writing.history.save_mark("new", Mark("mark", 1.0, "mark this"))
    writing.keep("new", "and then", order=1)
    assert writing.texts() == {"new": ["and then"]}
    assert [mark.kind for mark in writing.kept()[0].marks] == ["mark"]
    writing.history.end()
    (aside,) = files_set_aside(path)
    assert [turn.text for turn in new_session(aside).turns] == ["said now"]


def test_a_row_that_never_fits_does_not_cost_the_history(path: Path) -> None:
    schemas.make(path, schemas.OLDER["0.3.0"])
    writing = Writing(path)
    writing.begin("new")
    writing.history.save_mark("new", Mark("note", math.nan, "at no time"))  # NULL to SQLite
    assert isinstance(writing.next(), HistoryFailed)
    writing.history.end()
    assert files_set_aside(path) == []
    assert next(reader.sessions(path, "old")) == old_session(schemas.OLDER["0.3.0"])


def test_set_aside_histories_do_not_take_each_others_place(path: Path) -> None:
    for _ in range(3):
        schemas.make(path, *schemas.MISFITS["a turn needs more"])
        write_all(path)
        for file in path.parent.glob("history.db*"):
            if file.suffix in (".db", ".db-wal", ".db-shm"):
                file.unlink()
    assert [len(schemas.contents(aside)["turn"]) for aside in files_set_aside(path)] == [2, 2, 2]


def test_after_a_newer_database_is_gone_the_failure_is_over(path: Path) -> None:
    """What is said while the card is away goes to the new database as well."""
    folder = path.parent / "card"
    folder.write_text("a file where the folder should be")
    writing = Writing(folder / "history.db")
    writing.begin("new")
    assert isinstance(writing.next(), HistoryFailed)
    card = path.parent / "other"
    card.mkdir()
    schemas.make(card / "history.db", *schemas.MISFITS["a turn needs more"])
    folder.unlink()
    card.rename(folder)
    assert writing.next() == HistoryRecovered()
    assert writing.texts() == {"old": ["from before", "and this"], "new": []}
    writing.keep("new", "said now")
    assert writing.texts() == {"new": ["said now"]}
    writing.history.end()
