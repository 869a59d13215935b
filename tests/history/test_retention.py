"""Deletion of old sessions over several boots, whose clocks may be wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.turns import Covered
from tests.history import schemas
from tests.history.writing import NOW, Writing

DAY = 86_400.0
YEARS = 12 * 365 * DAY


class Box:
    """A box that keeps sessions for 7 days, and is switched on again and again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.db"
        self.boots = 0

    def boot(self, now: float, *says: str, is_set: bool = True, runs: float = 60.0) -> list[str]:
        """Start at this Unix time of its clock, hear sessions, run; return what is kept."""
        self.boots += 1
        writing = Writing(
            self.path, keep_days=7, purge_interval=0.0, boot=f"{self.boots}", now=now, is_set=is_set
        )
        for session in says:
            writing.begin(session, boot=f"{self.boots}")
            writing.keep(session, "words")
            writing.history.finish(session, Covered(), 1.0)
        writing.written()
        writing.clock.now += runs
        writing.wall_clock.now += runs
        writing.written()
        writing.written()  # what the writes before it let be deleted
        kept = [session.id for session in writing.kept()]
        writing.history.end()
        return kept


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_sessions_are_deleted_after_some_days(box: Box) -> None:
    assert box.boot(NOW, "a") == ["a"]
    assert box.boot(NOW + 6 * DAY, "b") == ["a", "b"]
    assert box.boot(NOW + 8 * DAY) == ["a", "b"]  # as old as it was when the box was on last
    assert box.boot(NOW + 9 * DAY) == ["b"]


def test_a_box_that_stays_on_deletes_without_another_boot(box: Box) -> None:
    box.boot(NOW, "a")
    assert box.boot(NOW + 5 * DAY, "b", runs=3 * DAY) == ["b"]


@pytest.mark.parametrize("off", [-YEARS, 0.0, YEARS])
def test_what_was_said_in_this_boot_stays_until_the_next(box: Box, off: float) -> None:
    box.boot(NOW, "a")
    assert "b" in box.boot(NOW + DAY + off, "b", runs=YEARS)
    assert box.boot(NOW + DAY + off + YEARS, "c", runs=9 * DAY) == ["c"]


@pytest.mark.parametrize("off", [-YEARS, -8 * DAY, 8 * DAY, YEARS])
@pytest.mark.parametrize("is_set", [True, False])
def test_a_clock_that_is_wrong_once_costs_no_session(box: Box, off: float, is_set: bool) -> None:
    box.boot(NOW, "a")
    assert box.boot(NOW + off, "b", is_set=is_set) == (["a", "b"] if off > 0 else ["b", "a"])
    for day in (1, 2, 3):
        assert {"a", "b"} <= {*box.boot(NOW + day * DAY)}


def test_without_a_set_clock_nothing_is_deleted(box: Box) -> None:
    box.boot(NOW, "a")
    assert box.boot(NOW + YEARS, is_set=False, runs=YEARS) == ["a"]
    assert box.boot(NOW + YEARS, is_set=False, runs=YEARS) == ["a"]


def test_a_session_of_a_boot_without_time_counts_from_the_next_boot_with_one(box: Box) -> None:
    assert box.boot(60.0, "a", is_set=False) == ["a"]
    assert box.boot(NOW, "b") == ["a", "b"]
    assert box.boot(NOW + 6 * DAY) == ["a", "b"]
    box.boot(NOW + 8 * DAY)
    assert box.boot(NOW + 8 * DAY) == []


def test_a_clock_that_is_wrong_is_believed_after_a_day_without_a_step(box: Box) -> None:
    box.boot(NOW + YEARS, "ahead")
    box.boot(NOW, "a", runs=2 * DAY)
    assert box.boot(NOW + 3 * DAY, runs=8 * DAY) == ["ahead"]


def test_in_a_database_without_a_table_of_boots_nothing_is_deleted(box: Box) -> None:
    schemas.make(box.path, schemas.OLDER["0.3.0"], schemas.NEWER)
    assert box.boot(NOW, runs=8 * DAY) == ["old"]
    assert box.boot(NOW + 20 * DAY, runs=8 * DAY) == ["old"]


@pytest.mark.slow
@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(0.01, 3.0), st.floats(60.0, 2 * DAY)), min_size=2, max_size=6),
    st.integers(1, 5),
    st.booleans(),
    st.floats(-YEARS, YEARS),
)
def test_no_session_goes_before_its_time(
    tmp_path_factory: pytest.TempPathFactory,
    boots: list[tuple[float, float]],
    wrong: int,
    is_set: bool,
    off: float,
) -> None:
    """Whichever boot after the first has no time, or any time for less than a day."""
    box, now, said = Box(tmp_path_factory.mktemp("box")), NOW, dict[str, float]()
    for number, (pause, usual) in enumerate(boots):
        now += pause * DAY
        is_wrong = number == wrong
        runs = min(usual, DAY / 2) if is_wrong else usual
        said[f"{number}"] = now
        shown = now + off if is_wrong else now
        kept = box.boot(shown, f"{number}", is_set=is_set or not is_wrong, runs=runs)
        now += runs
        young = {session for session, moment in said.items() if now - moment < 7 * DAY}
        assert young <= {*kept}
