import os
import sqlite3
from pathlib import Path

import pytest

from appliance.history import reader
from appliance.history.database import (
    delete_session,
    is_damaged,
    open_database,
)
from appliance.history.location import files_set_aside, set_aside


def test_deleting_takes_the_turns_too(said: Path) -> None:
    assert delete_session(said, "earlier")
    assert [session.id for session in reader.sessions(said)] == ["later"]
    database = sqlite3.connect(said)
    assert database.execute("SELECT text FROM turn").fetchall() == [("three",)]
    database.close()


def test_what_was_deleted_is_gone_from_the_files(said: Path) -> None:
    secret = "a sentence that must be gone"
    database = open_database(said)
    with database:
        database.execute("INSERT INTO turn VALUES ('earlier', 1, 1, ?, 0, 0, '')", (secret,))
    database.close()
    assert secret.encode() in said.read_bytes()
    delete_session(said, "earlier")
    assert not any(secret.encode() in file.read_bytes() for file in said.parent.iterdir())


def test_deleting_takes_marks_and_what_is_outgoing_too(said: Path) -> None:
    secret = "a note that must be gone"
    database = open_database(said)
    with database:
        database.execute("INSERT INTO mark VALUES ('earlier', 'note', 1.0, ?, '')", (secret,))
        database.execute("INSERT INTO outgoing VALUES ('earlier', 0, 0)")
        database.execute("INSERT INTO outgoing VALUES ('later', 0, 0)")
    database.close()
    assert secret.encode() in said.read_bytes()
    delete_session(said, "earlier")
    assert not any(secret.encode() in file.read_bytes() for file in said.parent.iterdir())
    assert [turn.session for turn in reader.outgoing_turns(said)] == ["later"]


def test_deleting_an_unknown_session_does_nothing(said: Path) -> None:
    assert not delete_session(said, "none")
    assert not delete_session(said.with_name("other.db"), "none")
    assert not said.with_name("other.db").exists()


def test_only_codes_of_corruption_count_as_damage() -> None:
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


def test_only_the_owner_may_read_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    open_database(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_database_that_is_there_keeps_its_mode(said: Path) -> None:
    said.chmod(0o664)
    open_database(said).close()
    assert said.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_neither_opened_nor_changed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "history.db"
    if kind == "pipe":
        os.mkfifo(path, mode=0o644)
    elif kind == "folder":
        path.mkdir(mode=0o755)
    else:
        path.symlink_to("/dev/null")
    mode = path.stat().st_mode
    with pytest.raises(OSError, match=r"regular file|directory"):
        open_database(path)
    with pytest.raises(OSError, match=r"regular file|directory"):
        list(reader.sessions(path))
    with pytest.raises(OSError, match=r"regular file|directory"):
        delete_session(path, "any")
    assert path.stat().st_mode == mode


def test_a_database_that_can_not_be_opened_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(path)
    assert str(path) not in map(os.path.realpath, Path("/proc/self/fd").iterdir())
