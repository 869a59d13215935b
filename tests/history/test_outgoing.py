"""Outgoing turns, written and read: each once, in order, over restarts."""

import queue
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.events import HistoryFailed
from appliance.core.turns import Covered
from appliance.history import reader
from appliance.history.records import Mark, OutgoingTurn
from tests.history import schemas
from tests.history.writing import NOW, Writing

Write = Callable[..., Writing]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    opened = []

    def write(*, outgoing: bool = True) -> Writing:
        opened.append(Writing(tmp_path / "history.db", outgoing=outgoing))
        return opened[-1]

    yield write
    for writing in opened:
        writing.history.end()


def texts_read(writing: Writing, limit: int = 32) -> list[str]:
    writing.written()
    return [turn.text for turn in reader.outgoing_turns(writing.path, limit)]


def take_off(writing: Writing, text: str) -> None:
    """Note that a turn was delivered."""
    writing.written()
    (turn,) = (turn for turn in reader.outgoing_turns(writing.path) if turn.text == text)
    writing.history.delivered(turn)


def test_a_finished_turn_is_outgoing_until_it_is_delivered(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "zero", order=0)
    writing.keep("a", "one", order=1)
    writing.written()
    assert reader.outgoing_turns(writing.path) == [
        OutgoingTurn("a", 0, 0, "zero", NOW, NOW + 0.5),
        OutgoingTurn("a", 0, 1, "one", NOW + 1.0, NOW + 1.5),
    ]
    take_off(writing, "zero")
    assert texts_read(writing) == ["one"]
    assert writing.texts() == {"a": ["zero", "one"]}


def test_a_delivery_is_confirmed_once_it_is_on_disk(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "words")
    writing.written()
    (turn,) = reader.outgoing_turns(writing.path)
    found: queue.SimpleQueue[list[OutgoingTurn]] = queue.SimpleQueue()
    writing.history.delivered(turn, lambda: found.put(reader.outgoing_turns(writing.path)))
    assert found.get(timeout=20) == []


def test_a_delivery_is_not_confirmed_while_the_disk_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.write_text("a file where the folder should be")
    writing = Writing(folder / "history.db", outgoing=True)
    confirmed = threading.Event()
    writing.history.delivered(OutgoingTurn("a", 0, 0, "words", NOW, NOW), confirmed.set)
    assert isinstance(writing.next(), HistoryFailed)
    assert not confirmed.is_set()
    folder.unlink()
    assert confirmed.wait(20)
    writing.history.end()


def test_no_more_are_read_than_asked_for(write: Write) -> None:
    writing = write()
    writing.begin("a")
    for order in range(5):
        writing.keep("a", str(order), order)
    assert texts_read(writing, limit=2) == ["0", "1"]


def test_nothing_is_outgoing_unless_that_is_wanted(write: Write) -> None:
    writing = write(outgoing=False)
    writing.begin("a")
    writing.keep("a", "unheard")
    assert texts_read(writing) == []


def test_a_turn_without_words_is_not_outgoing(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "")
    writing.keep("a", "", order=1)
    writing.keep("a", "Words, once formatted.", order=1)
    assert texts_read(writing) == ["Words, once formatted."]


def test_the_formatted_text_takes_the_place_of_the_first(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "good morning")
    writing.keep("a", "Good morning.")
    writing.written()
    assert [(turn.id, turn.text) for turn in reader.outgoing_turns(writing.path)] == [
        ("a-0-0", "Good morning.")
    ]


def test_a_formatted_text_after_the_delivery_is_not_outgoing(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "good morning")
    take_off(writing, "good morning")
    writing.keep("a", "Good morning.")
    assert texts_read(writing) == []
    assert writing.texts() == {"a": ["Good morning."]}


def test_a_turn_waits_until_it_is_covered(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.begin("b")
    writing.keep("a", "uncovered", order=1, known=Covered(0, 0, 0))
    writing.keep("b", "covered")
    assert texts_read(writing) == ["covered"]
    writing.history.cover("a", Covered(16_000, 0, 2))
    assert texts_read(writing) == ["uncovered", "covered"]


def test_a_turn_that_is_heard_again_is_outgoing_as_it_is_heard_then(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "kept")
    writing.keep("a", "misheard", order=1, known=Covered(0, 0, 1))
    writing.history.drop_uncovered("a", Covered(0, 0, 1))
    writing.keep("a", "heard well", origin=16_000)
    writing.written()
    assert [(turn.id, turn.text) for turn in reader.outgoing_turns(writing.path)] == [
        ("a-0-0", "kept"),
        ("a-16000-0", "heard well"),
    ]


def test_a_turn_that_is_finished_late_is_read_in_its_place(write: Write) -> None:
    writing = write()
    writing.begin("a")
    for order in (2, 1, 0):
        writing.keep("a", str(order), order, known=Covered(0, 0, 0))
    writing.keep("a", "after a reconnection", origin=16_000, known=Covered(32_000, 16_000, 1))
    assert texts_read(writing) == ["0", "1", "2", "after a reconnection"]


def test_what_is_left_of_a_session_comes_before_those_that_began_later(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.begin("b")
    writing.keep("b", "of the session that goes on")
    writing.keep("a", "of the one before")
    assert texts_read(writing) == ["of the one before", "of the session that goes on"]


def test_a_wrong_clock_changes_nothing_in_their_order(write: Write) -> None:
    writing = write()
    writing.begin("a", boot="the one before")
    writing.begin("b", started=60.0)  # a Pi that thinks it is 1970
    writing.begin("c", started=90.0)
    for session in "cba":
        writing.keep(session, f"of {session}")
    assert texts_read(writing) == ["of a", "of b", "of c"]
    writing.history.correct_clock("boot")
    assert texts_read(writing) == ["of a", "of b", "of c"]


def test_a_turn_keeps_its_id_over_restarts_and_databases(write: Write) -> None:
    ids = []
    for _ in range(2):
        writing = write()
        writing.begin("a")
        writing.keep("a", "words", order=1)
        writing.written()
        ids += [turn.id for turn in reader.outgoing_turns(writing.path)]
        writing.history.end()
    for file in writing.path.parent.glob("history.db*"):
        file.unlink()
    later = write()
    later.begin("a")
    later.keep("a", "other words", order=0)
    later.keep("a", "words", order=1)
    later.written()
    assert [turn.id for turn in reader.outgoing_turns(later.path)] == ["a-0-0", *ids[:1]]
    assert len(set(ids)) == 1


def test_a_delivery_from_a_database_that_is_gone_takes_nothing_off_the_new_one(
    write: Write,
) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "zero", order=0)
    writing.written()
    (arrived,) = reader.outgoing_turns(writing.path)
    for file in writing.path.parent.glob("history.db*"):
        file.unlink()
    writing.keep("a", "one", order=1)
    writing.history.delivered(arrived)
    assert texts_read(writing) == ["one"]


def test_outgoing_turns_have_the_times_of_the_corrected_clock(write: Write) -> None:
    writing = write()
    writing.begin("a", started=60.0)  # a Pi that thinks it is 1970
    writing.keep("a", "words")
    writing.history.correct_clock("boot")
    writing.written()
    assert [turn.started for turn in reader.outgoing_turns(writing.path)] == [NOW]


def test_a_damaged_database_is_followed_by_an_empty_one(write: Write) -> None:
    writing = write()
    writing.begin("a")
    writing.keep("a", "in the damaged one")
    writing.history.save_mark("a", Mark("note", 1.0, "buy milk"))
    writing.written()
    writing.history.end()
    writing.path.with_name("history.db-wal").unlink(missing_ok=True)
    writing.path.write_bytes(b"no database at all" * 1000)
    later = write()
    later.begin("a")
    later.keep("a", "in the new one", order=1)
    assert texts_read(later) == ["in the new one"]
    assert later.kept()[0].marks == ()


def test_only_new_turns_of_an_older_database_are_outgoing(tmp_path: Path, write: Write) -> None:
    schemas.make(tmp_path / "history.db", schemas.OLDER["0.2"])
    writing = write()
    writing.begin("old")
    writing.keep("old", "From before.", order=0)
    writing.keep("old", "new", order=2, covered=32_000)
    assert texts_read(writing) == ["new"]


def test_what_an_older_database_numbered_is_outgoing(tmp_path: Path, write: Write) -> None:
    schemas.make(tmp_path / "history.db", schemas.OLDER["0.3, before its release"])
    writing = write()
    writing.begin("old")
    writing.keep("old", "new", order=2, covered=32_000)
    assert texts_read(writing) == ["and this", "new"]
    take_off(writing, "and this")
    assert texts_read(writing) == ["new"]


# In any order of events


class Hearing:
    """A session as the service hears it, over connections that come and go."""

    def __init__(self, name: str, writing: Writing) -> None:
        self.name = name
        self.writing = writing
        self.covered = Covered()
        self._origin = 0
        self._order = 0
        self._said = 0
        writing.begin(name)

    def finish_turn(self, *, covers: bool, words: bool) -> None:
        """Let a turn be finished; one whose words have no times covers nothing."""
        order, self._order = self._order, self._order + 1
        if covers:
            self._cover()
        self._keep(order, f"{self.name}/{self._said}" if words else "")
        self._said += 1

    def format_turn(self, back: int) -> None:
        """Let the formatted text of a turn come late."""
        kept = [turn for turn in self._turns() if turn[0] == self._origin and turn[1] < self._order]
        if kept:
            _, order, text = kept[-1 - back % len(kept)]
            self._keep(order, f"{text.strip('.')}.")

    def be_silent(self) -> None:
        self._cover()
        self.writing.history.cover(self.name, self.covered)

    def reconnect(self) -> None:
        """Hear again what is not covered."""
        self.writing.history.drop_uncovered(self.name, self.covered)
        self._origin, self._order = self.covered.position + 1, 0

    def go_on_with(self, writing: Writing) -> None:
        """Continue after a restart of the program, from what is on disk."""
        self.writing = writing
        self.covered = reader.covered(writing.path).get(self.name, Covered())
        writing.begin(self.name)
        self.reconnect()

    def end(self) -> None:
        self._cover()
        self.writing.history.finish(self.name, self.covered, 60.0)

    def _cover(self) -> None:
        position = max(self.covered.position, self._origin) + 1
        self.covered = Covered(position, self._origin, self._order)

    def _keep(self, order: int, text: str) -> None:
        self.writing.keep(self.name, text, order, origin=self._origin, known=self.covered)

    def _turns(self) -> list[tuple[int, int, str]]:
        self.writing.written()
        database = sqlite3.connect(self.writing.path)
        rows = database.execute(
            "SELECT origin, turn_order, text FROM turn WHERE session = ? ORDER BY 1, 2",
            (self.name,),
        ).fetchall()
        database.close()
        return rows


class Listener:
    """A receiver of outgoing turns that remembers them."""

    def __init__(self) -> None:
        self.received: list[OutgoingTurn] = []

    def take(self, writing: Writing, limit: int) -> int:
        writing.written()
        turns = reader.outgoing_turns(writing.path, limit)
        for turn in turns:
            writing.history.delivered(turn)
        self.received += turns
        return len(turns)

    def texts(self, session: str) -> list[str]:
        return [turn.text.strip(".") for turn in self.received if turn.session == session]


SESSION = st.sampled_from(["live", "delivery"])
MOSTLY = st.sampled_from([True, True, True, False])
STEPS = st.one_of(
    st.tuples(st.just("turn"), SESSION, MOSTLY, MOSTLY),
    st.tuples(st.just("format"), SESSION, st.integers(0, 3)),
    st.tuples(st.just("silence"), SESSION),
    st.tuples(st.just("reconnect"), SESSION),
    st.tuples(st.just("take"), st.integers(1, 4)),
    st.tuples(st.just("restart")),
)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(STEPS, min_size=10, max_size=25))
def test_each_turn_that_stays_is_read_once_and_in_order(
    steps: list[tuple[object, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        writing = Writing(path, outgoing=True)
        hearings = {name: Hearing(name, writing) for name in ("live", "delivery")}
        listener = Listener()
        for step in steps:
            match step:
                case "turn", str(name), bool(covers), bool(words):
                    hearings[name].finish_turn(covers=covers, words=words)
                case "format", str(name), int(back):
                    hearings[name].format_turn(back)
                case "silence", str(name):
                    hearings[name].be_silent()
                case "reconnect", str(name):
                    hearings[name].reconnect()
                case "take", int(limit):
                    listener.take(writing, limit)
                case ("restart",):
                    writing.history.end()
                    writing = Writing(path, outgoing=True)
                    for hearing in hearings.values():
                        hearing.go_on_with(writing)
        for hearing in hearings.values():
            hearing.end()
        while listener.take(writing, 3):
            pass
        said = {
            name: [text.strip(".") for text in texts] for name, texts in writing.texts().items()
        }
        writing.history.end()
    assert {name: listener.texts(name) for name in hearings} == {
        name: said.get(name, []) for name in hearings
    }
    ids = [turn.id for turn in listener.received]
    assert len(set(ids)) == len(ids)
