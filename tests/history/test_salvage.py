"""Damaged databases, of which all that is left is read."""

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.turns import Covered
from appliance.history import export, reader
from appliance.history.database import find_damage, is_unreadable
from appliance.history.records import Mark, SessionRecord
from appliance.history.salvage import add_to, salvage
from tests.history.writing import Writing

SESSIONS = 30
TURNS = 20
LONG = "a long sentence " * 600


def write(path: Path) -> list[SessionRecord]:
    """Write a history of many pages, some with a turn that takes several; return it."""
    writing = Writing(path)
    for number in range(SESSIONS):
        name = f"session-{number:02}"
        writing.wall_clock.now += 1000.25
        writing.begin(name)
        for order in range(TURNS):
            text = LONG if (number, order) in ((7, 3), (25, 3)) else f"turn {order} of {name}"
            writing.keep(name, text, order)
        writing.history.save_mark(name, Mark("note", 1.5, "buy milk"))
        writing.history.finish(name, Covered(), 30.0)
    writing.written()
    writing.history.end()
    return list(reader.sessions(path))


class Whole(NamedTuple):
    """A whole history: its file, and the sessions in it."""

    data: bytes
    sessions: list[SessionRecord]

    def __repr__(self) -> str:
        return "a whole history"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    path = tmp_path_factory.mktemp("history") / "history.db"
    written = write(path)
    return Whole(path.read_bytes(), written)


@pytest.fixture
def path(tmp_path: Path, whole: Whole) -> Path:
    path = tmp_path / "history.db"
    path.write_bytes(whole.data)
    return path


def test_of_a_whole_history_all_is_salvaged(path: Path, whole: Whole) -> None:
    found = salvage(path)
    assert found.records() == whole.sessions
    assert found.records("session-03") == [whole.sessions[3]]
    assert found.records("last") == whole.sessions[-1:]
    assert found.error == ""
    assert find_damage(path, 20.0) == ""


def test_without_sqlite_all_is_salvaged_too(path: Path, whole: Whole) -> None:
    path.write_bytes(bytes(16) + whole.data[16:])  # the header's magic string is gone
    found = salvage(path)
    assert found.records() == whole.sessions
    assert found.error


@pytest.mark.parametrize("part", ["first half", "second half", "middle", "cut"])
def test_what_is_left_of_a_half_is_salvaged(path: Path, whole: Whole, part: str) -> None:
    data, written = whole
    half = len(data) // 8192 * 4096
    path.write_bytes(
        {
            "first half": bytes(half) + data[half:],
            "second half": data[:half] + bytes(len(data) - half),
            "middle": data[: half // 2] + bytes(half) + data[half // 2 + half :],
            "cut": data[:half],
        }[part]
    )
    assert find_damage(path, 20.0)
    found = salvage(path)
    assert found.error
    texts = {turn.text for session in written for turn in session.turns}
    left = {turn.text for session in found.records() for turn in session.turns}
    assert left <= texts
    assert len(left) > len(texts) // 5


def test_what_was_salvaged_is_added_to_a_history(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_480])
    found = salvage(path)
    other = tmp_path / "other.db"
    writing = Writing(other)
    writing.begin("new")
    writing.keep("new", "said now")
    writing.written()
    assert add_to(other, found) == (len(found.records()), len(found.turns))
    assert add_to(other, found) == (0, 0)
    writing.keep("new", "and then", order=1)
    assert writing.texts()["new"] == ["said now", "and then"]
    assert {session.id for session in writing.kept()} == {
        "new",
        *(session.id for session in found.records()),
    }
    writing.history.end()


def test_damage_to_the_schema_or_a_letter_is_no_other_error(path: Path, whole: Whole) -> None:
    path.write_bytes(whole.data.replace(b"CREATE TABLE turn", b"CREATE TABLE \x80urn"))
    assert find_damage(path, 20.0)
    assert salvage(path).records() == whole.sessions
    with pytest.raises(sqlite3.DatabaseError) as raised:
        list(reader.sessions(path))
    assert is_unreadable(raised.value)
    path.write_bytes(whole.data.replace(b"turn 5 of session-04", b"turn 5 of session\x8004"))
    turns = list(reader.sessions(path))[4].turns
    assert turns[5].text == "turn 5 of session\N{REPLACEMENT CHARACTER}04"


def test_rows_of_a_log_that_is_not_merged_yet_are_salvaged(tmp_path: Path) -> None:
    writing = Writing(tmp_path / "history.db")
    writing.begin("a")
    writing.keep("a", "words")
    writing.written()
    assert [turn[3] for turn in salvage(writing.path).turns.values()] == ["words"]
    writing.history.end()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(100, 2**20), st.binary(min_size=1, max_size=64)),
        min_size=1,
        max_size=2,
    )
)
def test_whatever_is_written_over_it_costs_the_rows_of_these_pages_alone(
    tmp_path_factory: pytest.TempPathFactory,
    whole: Whole,
    damage: list[tuple[int, bytes]],
) -> None:
    data = bytearray(whole.data)
    for at, written in damage:
        start = max(100, at % len(data))
        data[start : start + len(written)] = written
    path = tmp_path_factory.mktemp("damaged") / "history.db"
    path.write_bytes(data[: len(whole.data)])
    found = salvage(path)
    assert len(found.turns) >= SESSIONS * TURNS - 200 * len(
        damage
    )  # two pages, of 100 rows at most
    found.records()


@settings(max_examples=60)
@given(st.binary(max_size=10_000))
def test_of_no_database_nothing_is_salvaged(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("none") / "history.db"
    path.write_bytes(data)
    assert salvage(path).records() == []


VALUES = ("'abc'", "x'ff00fe'", "9e999", "-1e300", "1e300")
"""Values that a flipped bit may leave; SQLite takes each of them for whole."""


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "column", ["session.started", "session.ended", "turn.started", "turn.ended", "mark.at"]
)
def test_a_damaged_value_costs_its_row_alone(
    path: Path, whole: Whole, column: str, value: str
) -> None:
    table, name = column.split(".")
    key = "id" if table == "session" else "session"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE {table} SET {name} = {value} WHERE {key} = 'session-04'")
    assert find_damage(path, 20.0)
    with pytest.raises(sqlite3.DatabaseError, match=f"values in its table {table}") as raised:
        list(reader.sessions(path))
    assert is_unreadable(raised.value)
    found = salvage(path).records()
    assert [it for it in found if it.id != "session-04"] == [
        it for it in whole.sessions if it.id != "session-04"
    ]
    assert export.FORMATS["txt"](found)


def test_a_damaged_text_costs_its_turn_alone(path: Path, whole: Whole) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE turn SET text = x'ff' WHERE session = 'session-04'")
    assert find_damage(path, 20.0)
    found = {it.id: it for it in salvage(path).records()}
    assert found.keys() == {it.id for it in whole.sessions}
    assert found["session-04"].turns == ()
