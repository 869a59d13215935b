import os
import sqlite3
from pathlib import Path

import pytest

from appliance.core.turns import Covered
from appliance.history import reader
from appliance.history.database import (
    delete_session,
    files_set_aside,
    is_damaged,
    open_database,
    set_aside,
)
from appliance.history.records import MarkRecord, SessionRecord, TurnRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with two sessions, in a folder whose name needs care."""
    path = tmp_path / "what? 100% #1" / "history.db"
    database = open_database(path)
    with database:
        database.executemany(
            "INSERT INTO session VALUES (?, ?, ?, 'boot', 0, ?, ?, ?)",
            [("later", 200.0, None, 16_000, 0, 1), ("earlier", 100.0, 130.0, 0, 0, 0)],
        )
        database.executemany(
            "INSERT INTO turn VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("earlier", 0, 0, "one", 1.0, 2.0),
                ("earlier", 16_000, 0, "two", 3.0, 4.0),
                ("later", 0, 0, "three", 5.0, 6.0),
            ],
        )
    database.close()
    return path


def test_sessions_come_with_their_turns_the_oldest_first(path: Path) -> None:
    assert list(reader.sessions(path)) == [
        SessionRecord(
            "earlier",
            100.0,
            130.0,
            (
                TurnRecord(0, "one", 101.0, 102.0),
                TurnRecord(1, "two", 103.0, 104.0),
            ),
        ),
        SessionRecord("later", 200.0, None, (TurnRecord(0, "three", 205.0, 206.0),)),
    ]


@pytest.mark.parametrize(
    ("wanted", "found"), [("earlier", ["earlier"]), ("last", ["later"]), ("none", [])]
)
def test_one_session_can_be_asked_for(path: Path, wanted: str, found: list[str]) -> None:
    assert [session.id for session in reader.sessions(path, wanted)] == found


def test_what_is_covered_of_each_session(path: Path) -> None:
    assert reader.covered(path) == {"earlier": Covered(), "later": Covered(16_000, 0, 1)}


def test_deleting_takes_the_turns_too(path: Path) -> None:
    assert delete_session(path, "earlier")
    assert [session.id for session in reader.sessions(path)] == ["later"]
    database = sqlite3.connect(path)
    assert database.execute("SELECT text FROM turn").fetchall() == [("three",)]
    database.close()


def test_what_was_deleted_is_gone_from_the_files(path: Path) -> None:
    secret = "a sentence that nobody shall find again"
    database = open_database(path)
    with database:
        database.execute("INSERT INTO turn VALUES ('earlier', 1, 1, ?, 0, 0)", (secret,))
    database.close()
    assert secret.encode() in path.read_bytes()
    delete_session(path, "earlier")
    assert not any(secret.encode() in file.read_bytes() for file in path.parent.iterdir())


def test_sessions_come_with_their_marks_in_the_order_of_time(path: Path) -> None:
    database = open_database(path)
    with database:
        database.executemany(
            "INSERT INTO mark VALUES (?, ?, ?, ?, ?)",
            [
                ("earlier", "note", 9.5, "buy milk", ""),
                ("earlier", "command", 2.0, "lamp on", ""),
                ("later", "mark", 1.0, "mark this", ""),
            ],
        )
    database.close()
    assert [session.marks for session in reader.sessions(path)] == [
        (
            MarkRecord("command", 102.0, "lamp on", ""),
            MarkRecord("note", 109.5, "buy milk", ""),
        ),
        (MarkRecord("mark", 201.0, "mark this", ""),),
    ]


def test_the_last_mark_of_each_session_that_is_asked_for(path: Path, tmp_path: Path) -> None:
    assert reader.last_marks(path, ["earlier", "later"]) == {}
    database = open_database(path)
    with database:
        database.executemany(
            "INSERT INTO mark VALUES (?, ?, ?, 'x', '')",
            [("earlier", "mark", 1.0), ("earlier", "command", 7.5), ("later", "note", 2.0)],
        )
    database.close()
    assert reader.last_marks(path, ["earlier", "unknown"]) == {"earlier": 7.5}
    assert reader.last_marks(path, []) == {}
    assert reader.last_marks(tmp_path / "none.db", ["earlier"]) == {}


def test_deleting_takes_marks_and_what_is_outgoing_too(path: Path) -> None:
    secret = "a note that nobody shall find again"
    database = open_database(path)
    with database:
        database.execute("INSERT INTO mark VALUES ('earlier', 'note', 1.0, ?, '')", (secret,))
        database.execute("INSERT INTO outgoing VALUES ('earlier', 0, 0)")
        database.execute("INSERT INTO outgoing VALUES ('later', 0, 0)")
    database.close()
    assert secret.encode() in path.read_bytes()
    delete_session(path, "earlier")
    assert not any(secret.encode() in file.read_bytes() for file in path.parent.iterdir())
    assert [turn.session for turn in reader.outgoing_turns(path)] == ["later"]


def test_there_may_be_nothing_to_delete(path: Path) -> None:
    assert not delete_session(path, "none")
    assert not delete_session(path.with_name("other.db"), "none")
    assert not path.with_name("other.db").exists()


@pytest.mark.parametrize("contents", [None, b""])
def test_a_database_that_is_not_there_yet_is_empty(tmp_path: Path, contents: bytes | None) -> None:
    path = tmp_path / "history.db"
    if contents is not None:
        path.write_bytes(contents)
    assert list(reader.sessions(path)) == []
    assert reader.covered(path) == {}
    assert reader.outgoing_turns(path) == []
    assert not delete_session(path, "last")


def test_a_damaged_database_can_not_be_read_and_says_nothing_is_covered(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        list(reader.sessions(path))
    assert is_damaged(caught.value)
    assert reader.covered(path) == {}
    with pytest.raises(sqlite3.DatabaseError):
        reader.outgoing_turns(path)


def test_a_file_that_can_not_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        list(reader.sessions(tmp_path))
    with pytest.raises(IsADirectoryError):
        delete_session(tmp_path, "last")
    with pytest.raises(IsADirectoryError):
        reader.outgoing_turns(tmp_path)
    assert reader.covered(tmp_path) == {}


def test_reading_goes_on_while_another_writes(path: Path) -> None:
    database = open_database(path)
    database.execute("BEGIN IMMEDIATE")
    database.execute("DELETE FROM session")
    assert len(list(reader.sessions(path))) == 2
    database.close()


def test_every_kind_of_damage_is_known_and_nothing_else() -> None:
    def error(code: int) -> sqlite3.Error:
        error = sqlite3.DatabaseError()
        error.sqlite_errorcode = code
        return error

    assert is_damaged(error(sqlite3.SQLITE_NOTADB))
    assert is_damaged(error(sqlite3.SQLITE_CORRUPT_INDEX))
    assert not is_damaged(error(sqlite3.SQLITE_IOERR_READ))
    assert not is_damaged(error(sqlite3.SQLITE_FULL))
    assert not is_damaged(OSError())


def test_a_damaged_database_is_set_aside_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"history.db{suffix}").write_text(suffix)
    assert set_aside(path, "damaged", 1234.5) == tmp_path / "history.db.damaged-1234"
    assert files_set_aside(path) == [tmp_path / "history.db.damaged-1234"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "history.db.damaged-1234",
        "history.db.damaged-1234-shm",
        "history.db.damaged-1234-wal",
    ]


def test_a_database_that_can_not_be_used_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(path)
    assert str(path) not in map(os.path.realpath, Path("/proc/self/fd").iterdir())
