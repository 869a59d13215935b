"""Words that call the reader in the middle of sessions: what is shown."""

import itertools
from pathlib import Path

import pytest

from appliance.core.events import TurnReceived
from appliance.core.turns import Covered, Turn
from appliance.settings.schema import AlertSettings
from appliance.streaming.session import Session
from tests.doubles import Bench


def bench_in(folder: Path) -> Bench:
    return Bench(folder, alert=AlertSettings(words=("Anna", "grandma")))


def hear(bench: Bench, session: Session, turn: Turn, age: float = 0.0) -> None:
    """Let the service hear more of a turn that was said so many seconds ago."""
    ended = bench.clock.now - session.backlog.recording.monotonic - age
    bench.post(TurnReceived(session.name, 0, turn, ended - 1.0, ended, Covered()))


def phases(bench: Bench) -> list[bool]:
    """Return whether the picture is reversed, for three seconds, without repetitions."""
    seen = []
    for _ in range(60):
        seen.append(bench.scene().reverse_video)
        bench.advance(0.05)
    return [reverse for reverse, _ in itertools.groupby(seen)]


def test_the_picture_flashes_twice_as_soon_as_a_word_is_being_spoken(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        hear(bench, session, Turn(0, "Well,", tentative="anna"))
        scene = bench.scene()
        assert scene.alert
        assert scene.reverse_video
        assert [turn.alerts for turn in scene.turns] == [((6, 10),)]
        assert phases(bench) == [True, False, True, False]
        assert not bench.scene().alert
        assert [turn.alerts for turn in bench.scene().turns] == [((6, 10),)]


def test_a_turn_flashes_once_and_the_next_one_again(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        hear(bench, session, Turn(0, "Anna"))
        phases(bench)
        hear(bench, session, Turn(0, "Anna, this is grandma.", finished=True))
        assert phases(bench) == [False]
        hear(bench, session, Turn(1, "Grandma is here."))
        assert phases(bench) == [True, False, True, False]


@pytest.mark.parametrize(("text", "age"), [("Hannah sings.", 0.0), ("Anna!", 31.0)])
def test_other_words_and_old_ones_do_not_flash(tmp_path: Path, text: str, age: float) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        bench.advance(60.0)
        hear(bench, session, Turn(0, text), age)
        assert phases(bench) == [False]
        assert bool(bench.scene().turns[0].alerts) == text.startswith("Anna")
