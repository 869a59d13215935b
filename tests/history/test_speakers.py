"""Who spoke, as it is written and read: over revisions, reconnections and other versions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.events import Committed, SpeakersRevised, SpeakersSaved
from appliance.core.speakers import Speaker
from appliance.core.turns import Covered, Key, Revision
from appliance.history import reader
from appliance.history.database import name_speaker, open_database
from appliance.history.salvage import add_to, salvage
from tests.history import schemas
from tests.history.writing import Writing


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    writing = Writing(tmp_path / "history.db", outgoing=True)
    writing.begin("a")
    yield writing
    writing.history.end()


def revise(writing: Writing, *revisions: tuple[int, str], origin: int = 0) -> None:
    writing.history.revise_speakers(
        SpeakersRevised("a", origin, tuple(Revision(*it) for it in revisions))
    )


def spoken(writing: Writing) -> list[tuple[str, str]]:
    """Return who said what."""
    writing.written()
    return [(it.speaker.shown if it.speaker else "", it.text) for it in writing.kept()[0].turns]


def test_a_turn_is_kept_with_its_speaker(writing: Writing) -> None:
    writing.keep("a", "Good morning.", speaker="A")
    writing.keep("a", "Hm.", order=1)
    writing.written()
    assert [turn.speaker for turn in writing.kept()[0].turns] == [Speaker("A"), None]


def test_a_formatted_text_without_a_label_leaves_the_speaker(writing: Writing) -> None:
    writing.keep("a", "good morning", speaker="A")
    writing.keep("a", "Good morning.", formatted=True)
    assert spoken(writing) == [("A", "Good morning.")]


def test_a_formatted_text_may_be_the_first_to_name_the_speaker(writing: Writing) -> None:
    writing.keep("a", "good morning")
    writing.keep("a", "Good morning.", formatted=True, speaker="B")
    assert spoken(writing) == [("B", "Good morning.")]


def test_a_revision_changes_who_spoke_and_nothing_else(writing: Writing) -> None:
    for order, text in enumerate(["one", "two", "three", "four"]):
        writing.keep("a", text, order, speaker="A" if order else "")
    revise(writing, (0, "A"), (1, "B"), (3, ""), (7, "C"))
    assert spoken(writing) == [("A", "one"), ("B", "two"), ("A", "three"), ("", "four")]


def test_that_speakers_are_on_disk_is_posted(writing: Writing) -> None:
    writing.keep("a", "one", speaker="A")
    assert isinstance(writing.next(), Committed)
    revise(writing, (0, "B"))
    assert writing.next() == SpeakersSaved("a")
    writing.history.name_speaker("a", 0, "B", "Anna")
    assert writing.next() == SpeakersSaved("a")


def test_a_label_of_another_connection_is_another_speaker(writing: Writing) -> None:
    writing.keep("a", "one", speaker="A")
    writing.keep("a", "two", origin=16_000)
    writing.keep("a", "three", origin=32_000, speaker="A")
    writing.history.name_speaker("a", 0, "A", "Anna")
    assert spoken(writing) == [("Anna", "one"), ("", "two"), ("A2", "three")]


def test_what_is_heard_again_has_one_speaker_and_no_name_of_before(writing: Writing) -> None:
    writing.keep("a", "covered", speaker="A")
    writing.keep("a", "heard again", origin=16_000, speaker="A")
    writing.history.name_speaker("a", 0, "A", "Anna")
    writing.history.name_speaker("a", 16_000, "A", "Ben")
    writing.history.drop_uncovered("a", Covered(16_000, 0, 1))
    writing.keep("a", "heard again", origin=16_000, speaker="B")
    writing.keep("a", "and more", origin=16_000, order=1, speaker="A")
    assert spoken(writing) == [("Anna", "covered"), ("B2", "heard again"), ("A2", "and more")]


def test_names_stay_where_a_connection_is_heard_again_in_part(writing: Writing) -> None:
    writing.keep("a", "covered", speaker="A")
    writing.keep("a", "heard again", order=1, speaker="A")
    writing.history.name_speaker("a", 0, "A", "Anna")
    writing.history.drop_uncovered("a", Covered(16_000, 0, 1))
    assert spoken(writing) == [("Anna", "covered")]


def test_an_outgoing_turn_has_its_speaker_as_known_by_then(writing: Writing) -> None:
    def waiting() -> list[str]:
        writing.written()
        turns = reader.outgoing_turns(writing.path)
        return [turn.speaker.shown if turn.speaker else "" for turn in turns]

    writing.keep("a", "one", speaker="A")
    writing.keep("a", "two", order=1)
    assert waiting() == ["A", ""]
    revise(writing, (1, "B"))
    writing.history.name_speaker("a", 0, "A", "Anna")
    assert waiting() == ["Anna", "B"]


def test_another_program_names_a_speaker_meanwhile(writing: Writing) -> None:
    writing.keep("a", "one", speaker="A")
    writing.written()
    (key,) = reader.speakers(writing.path, "a")
    name_speaker(writing.path, "a", "Anna", key)
    assert spoken(writing) == [("Anna", "one")]
    name_speaker(writing.path, "a", "Ben", key)
    assert spoken(writing) == [("Ben", "one")]
    name_speaker(writing.path, "a", "", key)
    assert spoken(writing) == [("A", "one")]


def test_names_go_with_their_session(writing: Writing) -> None:
    writing.keep("a", "one", speaker="A")
    writing.history.name_speaker("a", 0, "A", "Anna")
    writing.written()
    with open_database(writing.path) as database:
        database.execute("DELETE FROM session")
    assert schemas.contents(writing.path)["speaker"] == []


def test_a_missing_history_has_no_speakers(tmp_path: Path) -> None:
    assert reader.speakers(tmp_path / "history.db", "a") == {}
    assert reader.labels(tmp_path / "history.db", "a") == {}


def test_each_label_has_the_order_of_its_first_turn(writing: Writing) -> None:
    for order, label in enumerate(["", "A", "B", "A"]):
        writing.keep("a", "said", order, speaker=label)
    writing.keep("a", "said", origin=16_000, speaker="A")
    writing.written()
    assert reader.labels(writing.path, "a") == {(0, "A"): 1, (0, "B"): 2, (16_000, "A"): 0}
    assert reader.labels(writing.path, "b") == {}


@pytest.mark.parametrize("tables", schemas.OLDER.values(), ids=schemas.OLDER)
def test_a_database_of_a_version_without_speakers_has_no_labels(
    tmp_path: Path, tables: str
) -> None:
    schemas.make(tmp_path / "history.db", tables)
    assert reader.labels(tmp_path / "history.db", "old") == {}
    assert reader.speakers(tmp_path / "history.db", "old") == {}


def test_a_damaged_database_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)
    assert reader.labels(tmp_path / "history.db", "a") == {}


# Other versions


@pytest.mark.parametrize(("tables", "changes"), schemas.FITTING.values(), ids=schemas.FITTING)
def test_a_database_without_a_place_for_speakers_keeps_the_words(
    tmp_path: Path, tables: str, changes: str
) -> None:
    path = tmp_path / "history.db"
    schemas.make(path, tables, changes)
    writing = Writing(path)
    writing.begin("a")
    writing.keep("a", "one", speaker="A")
    writing.history.name_speaker("a", 0, "A", "Anna")
    writing.history.drop_uncovered("a", Covered(16_000, 0, 1))
    revise(writing, (0, "B"))
    writing.written()
    (kept,) = reader.sessions(path, "a")
    assert [turn.text for turn in kept.turns] == ["one"]
    has_place = "EXISTS speaker (" in tables
    assert [turn.speaker for turn in kept.turns] == [Speaker("B") if has_place else None]
    writing.history.end()


# Salvage


@pytest.mark.parametrize("header", [b"SQLite format 3\0", bytes(16)], ids=["whole", "damaged"])
def test_speakers_and_names_are_salvaged(writing: Writing, tmp_path: Path, header: bytes) -> None:
    writing.keep("a", "one", speaker="A")
    writing.keep("a", "two", order=1)
    writing.history.name_speaker("a", 0, "A", "Anna")
    writing.written()
    writing.history.end()
    written = writing.kept()
    data = writing.path.read_bytes()
    writing.path.write_bytes(header + data[16:])
    found = salvage(writing.path)
    assert found.records() == written
    add_to(tmp_path / "other.db", found)
    assert [it.turns for it in reader.sessions(tmp_path / "other.db")] == [written[0].turns]


@pytest.mark.parametrize("tables", schemas.OLDER.values(), ids=schemas.OLDER)
def test_a_history_of_a_version_without_speakers_is_salvaged(tmp_path: Path, tables: str) -> None:
    schemas.make(tmp_path / "history.db", tables + schemas.MARKS)
    found = salvage(tmp_path / "history.db")
    assert found.error == ""
    assert found.records() == list(reader.sessions(tmp_path / "history.db"))


# All orders of events

LABELS = st.sampled_from(["", "A", "B"])
EVENTS = st.one_of(
    st.tuples(st.just("turn"), st.integers(0, 3), LABELS),
    st.tuples(st.just("revision"), st.integers(0, 3), LABELS),
    st.tuples(st.just("reconnection"), st.integers(0, 3), st.just("")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=12))
def test_whatever_comes_each_turn_has_the_last_label_of_its_own_connection(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, int, str]]
) -> None:
    writing = Writing(tmp_path_factory.mktemp("history") / "history.db")
    writing.begin("a")
    origin, expected = 0, dict[Key, str]()
    for kind, order, label in events:
        key = (origin, order)
        if kind == "turn":
            writing.keep("a", "said", order, origin=origin, speaker=label)
            expected[key] = label or expected.get(key, "")
        elif kind == "revision":
            revise(writing, (order, label), origin=origin)
            if key in expected:
                expected[key] = label
        else:
            writing.history.drop_uncovered("a", Covered(0, origin, order))
            expected = {it: label for it, label in expected.items() if it < key}
            origin += 16_000 if order else 0
    writing.written()
    origins = sorted({origin for (origin, _), label in expected.items() if label})
    assert [turn.speaker for turn in writing.kept()[0].turns] == [
        Speaker(label, origins.index(key[0]) + 1) if label else None
        for key, label in sorted(expected.items())
    ]
    writing.history.end()
