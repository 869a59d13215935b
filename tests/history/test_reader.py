import sqlite3
from pathlib import Path

import pytest

from appliance.core.turns import Covered
from appliance.history import reader
from appliance.history.database import (
    delete_session,
    is_damaged,
    open_database,
)
from appliance.history.records import MarkRecord, SessionRecord, TurnRecord


def test_sessions_come_with_their_turns_the_oldest_first(said: Path) -> None:
    assert list(reader.sessions(said)) == [
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
def test_one_session_can_be_asked_for(said: Path, wanted: str, found: list[str]) -> None:
    assert [session.id for session in reader.sessions(said, wanted)] == found


def test_what_is_covered_of_each_session(said: Path) -> None:
    assert reader.covered(said) == {"earlier": Covered(), "later": Covered(16_000, 0, 1)}


def test_sessions_come_with_their_marks_in_the_order_of_time(said: Path) -> None:
    database = open_database(said)
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
    assert [session.marks for session in reader.sessions(said)] == [
        (
            MarkRecord("command", 102.0, "lamp on", ""),
            MarkRecord("note", 109.5, "buy milk", ""),
        ),
        (MarkRecord("mark", 201.0, "mark this", ""),),
    ]


def test_the_last_mark_of_each_session_that_is_asked_for(said: Path, tmp_path: Path) -> None:
    assert reader.last_marks(said, ["earlier", "later"]) == {}
    database = open_database(said)
    with database:
        database.executemany(
            "INSERT INTO mark VALUES (?, ?, ?, 'x', '')",
            [("earlier", "mark", 1.0), ("earlier", "command", 7.5), ("later", "note", 2.0)],
        )
    database.close()
    assert reader.last_marks(said, ["earlier", "unknown"]) == {"earlier": 7.5}
    assert reader.last_marks(said, []) == {}
    assert reader.last_marks(tmp_path / "none.db", ["earlier"]) == {}


@pytest.mark.parametrize("contents", [None, b""])
def test_a_missing_database_is_an_empty_history(tmp_path: Path, contents: bytes | None) -> None:
    path = tmp_path / "history.db"
    if contents is not None:
        path.write_bytes(contents)
    assert list(reader.sessions(path)) == []
    assert reader.covered(path) == {}
    assert reader.outgoing_turns(path) == []
    assert not delete_session(path, "last")


def test_a_damaged_database_raises_and_covers_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        list(reader.sessions(path))
    assert is_damaged(caught.value)
    assert reader.covered(path) == {}
    with pytest.raises(sqlite3.DatabaseError):
        reader.outgoing_turns(path)


def test_a_file_that_can_not_be_opened_raises_the_reason(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        list(reader.sessions(tmp_path))
    with pytest.raises(IsADirectoryError):
        delete_session(tmp_path, "last")
    with pytest.raises(IsADirectoryError):
        reader.outgoing_turns(tmp_path)
    assert reader.covered(tmp_path) == {}


def test_reading_goes_on_while_another_writes(said: Path) -> None:
    database = open_database(said)
    database.execute("BEGIN IMMEDIATE")
    database.execute("DELETE FROM session")
    assert len(list(reader.sessions(said))) == 2
    database.close()
