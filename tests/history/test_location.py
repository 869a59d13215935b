"""What may lie where the database or one of its side files should be, and where it goes then."""

import contextlib
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.core.events import HistoryFailed
from appliance.history.database import open_database
from appliance.history.location import (
    SIDE_FILES,
    begin_another,
    files_set_aside,
    make_way,
    path_in_use,
)
from tests.history import schemas
from tests.history.writing import NOW, Writing
from tests.rig.card import Card, NoCardError
from tests.rig.privileges import unprivileged
from tests.streaming.spool import trees


def folder(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path has a limit
        try:
            bound.bind(path.name)
        finally:
            os.chdir(here)


KINDS: list[Callable[[Path], None]] = [folder, loop, link_to_nowhere, os.mkfifo, bound_socket]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    schemas.make(path, schemas.PRESENT)
    return path


def save(path: Path, session: str = "new") -> None:
    """Save a turn, and read it again as other parts do."""
    writing = Writing(path)
    writing.begin(session)
    writing.keep(session, "words")
    writing.written()
    assert session in {it.id for it in Writing(path_in_use(path)).kept()}
    writing.history.end()


@pytest.mark.parametrize("suffix", ["", *SIDE_FILES])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_lies_there_is_set_aside_and_logged_once(
    path: Path, suffix: str, kind: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    place = path.with_name(path.name + suffix)
    place.unlink(missing_ok=True)
    kind(place)
    before = place.lstat().st_ino
    for session in ("a", "b"):
        save(path, session)
    kept = [it for it in path.parent.iterdir() if it.lstat().st_ino == before]
    assert [".unreadable" in it.name for it in kept] == [True]
    assert caplog.text.count("is kept as") == 1
    assert "can't be written" not in caplog.text
    assert path_in_use(path) == path


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_what_can_not_be_renamed_is_left_and_the_history_goes_on_beside_it(
    path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = path.with_name(path.name + suffix)
    with trees.damaged(place):
        for session in ("a", "b"):
            save(path, session)
    beside = path.with_name("history.continued-1.db")
    assert path_in_use(path) == beside
    assert caplog.text.count("goes on in") == 1
    with contextlib.closing(sqlite3.connect(beside)) as database:
        said = {row[0] for row in database.execute("SELECT id FROM session")}
    # Where only a side file is damaged, the database itself moves.
    assert said == ({"a", "b"} if not suffix else {"a", "b", *_sessions_of(schemas.PRESENT)})


def _sessions_of(_: object) -> set[str]:
    return {"old"}


def test_a_database_that_is_damaged_and_can_not_be_renamed_stays(path: Path) -> None:
    path.with_name("history.db-wal").write_bytes(b"its log")
    with trees.damaged(path):
        assert begin_another(path, "damaged", NOW) == path
    assert path_in_use(path) == path.with_name("history.continued-1.db")
    assert path.with_name("history.db-wal").read_bytes() == b"its log"


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_file_of_another_user_is_set_aside_with_its_log(mode: int) -> None:
    with unprivileged() as folder_of_user:
        path = folder_of_user / "history.db"
        open_database(path).close()
        path.with_name("history.db-wal").touch()
        path.chmod(mode)
        save(path)
        [aside] = files_set_aside(path)
    why = "unwritable" if mode else "unreadable"
    assert aside.name.startswith(f"history.db.{why}-")


def test_a_folder_in_which_nothing_may_be_written_is_no_matter_of_the_card(full: Path) -> None:
    open_database(full / "history.db").close()
    full.chmod(0o500)
    writing = Writing(full / "history.db")
    writing.begin("a")
    failed = writing.next()
    writing.history.end()
    assert isinstance(failed, HistoryFailed)
    assert failed.fault.remedy == "check history.path"


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder whose names can't be changed."""
    with unprivileged() as folder_of_user:
        yield folder_of_user
        folder_of_user.chmod(0o700)


def test_where_nothing_can_be_renamed_or_created_the_path_stays(full: Path) -> None:
    (full / "history.db").mkdir()
    full.chmod(0o500)
    assert make_way(full / "history.db") == full / "history.db"


def test_what_is_fine_stays_as_it_is(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = path.read_bytes()
    assert make_way(path) == path
    assert make_way(path.with_name("new.db")) == path.with_name("new.db")
    assert path.read_bytes() == before
    assert caplog.text == ""


def test_a_card_that_takes_no_writes_is_the_cause_and_can_be_read(tmp_path: Path) -> None:
    try:
        with Card(tmp_path) as card:
            path = card.folder / "history.db"
            schemas.make(path, schemas.PRESENT)
            card.protect()
            assert make_way(path) == path
            writing = Writing(path)
            writing.begin("a")
            failed = writing.next()
            writing.history.end()
            assert isinstance(failed, HistoryFailed)
            assert failed.fault.remedy == "check the SD card"
            assert [session.id for session in writing.kept()] == ["old"]
    except NoCardError as error:
        pytest.skip(f"no card can be mounted: {error}")
