"""Who speaks, from the service's messages to screen and history."""

from pathlib import Path

from appliance.core.command_events import Request, Requested
from appliance.core.events import SpeakersRevised, TurnReceived
from appliance.core.turns import Covered, Revision, Turn
from appliance.screen.scene import DASH
from appliance.streaming.session import Session
from tests.controller.test_controller import left_behind
from tests.doubles import Bench
from tests.history.writing import Writing
from tests.rig.waiting import wait_until

NEXT = 48_000
"""Where the audio of a second connection starts."""


def say(
    bench: Bench, session: Session, order: int, speaker: str, *, origin: int = 0, covered: int = 0
) -> None:
    """Receive a finished turn "said", after which audio up to `covered` is covered."""
    turn = Turn(order, "said", finished=True, speaker=speaker)
    known = Covered(covered, origin, order + 1) if covered else Covered()
    bench.post(TurnReceived(session.name, origin, turn, 0.5 + order, 1.0 + order, known))


def marks(bench: Bench) -> list[str]:
    return [" ".join(turn.marks).replace(DASH, "-") for turn in bench.scene().turns]


def stored(bench: Bench) -> list[str]:
    turns = (turn for session in bench.stored() for turn in session.turns)
    return [turn.speaker.shown if turn.speaker else "" for turn in turns]


def wait_for_stored(bench: Bench, *speakers: str) -> None:
    wait_until(lambda: stored(bench) == [*speakers])


def test_speakers_go_to_screen_and_history_and_are_revised_in_both(tmp_path: Path) -> None:
    with Bench(tmp_path, speakers="dash") as bench:
        session = bench.listen()
        for order, speaker in enumerate(["A", "", "A", "B"]):
            say(bench, session, order, speaker)
        assert marks(bench) == ["", "", "", "-"]
        wait_for_stored(bench, "A", "", "A", "B")
        revisions = (Revision(1, "B"), Revision(3, "A"))
        bench.post(SpeakersRevised(session.name, 0, revisions))
        assert marks(bench) == ["", "-", "-", ""]
        wait_for_stored(bench, "A", "B", "A", "A")


def test_a_revision_reaches_the_history_of_a_session_that_is_no_longer_shown(
    tmp_path: Path,
) -> None:
    with Bench(tmp_path, speakers="dash") as bench:
        session = bench.listen()
        say(bench, session, 0, "A")
        bench.press()
        bench.advance(11.0)
        bench.post(SpeakersRevised(session.name, 0, (Revision(0, "B"),)))
        wait_for_stored(bench, "B")


def test_over_a_reconnection_no_speaker_is_made_up_lost_or_doubled(tmp_path: Path) -> None:
    with Bench(tmp_path, speakers="letter") as bench:
        session = bench.listen()
        say(bench, session, 0, "A", covered=NEXT)
        say(bench, session, 1, "B", covered=0)
        assert marks(bench) == ["A", "B"]
        bench.connect(session, Covered(NEXT, 0, 1))
        say(bench, session, 0, "A", origin=NEXT)
        say(bench, session, 1, "B", origin=NEXT)
        assert marks(bench) == ["A", "A2", "B2"]
        wait_for_stored(bench, "A", "A2", "B2")


def test_a_reconnection_alone_brings_no_dash(tmp_path: Path) -> None:
    with Bench(tmp_path, speakers="dash") as bench:
        session = bench.listen()
        say(bench, session, 0, "A", covered=NEXT)
        bench.connect(session, Covered(NEXT, 0, 1))
        say(bench, session, 0, "B", origin=NEXT)
        assert marks(bench) == ["", ""]
        say(bench, session, 1, "A", origin=NEXT)
        assert marks(bench) == ["", "", "-"]


def test_the_first_turn_after_a_cleared_screen_has_its_letter(tmp_path: Path) -> None:
    with Bench(tmp_path, speakers="letter") as bench:
        session = bench.listen()
        say(bench, session, 0, "A")
        bench.post(Requested(Request.CLEAR))
        say(bench, session, 1, "A")
        assert marks(bench) == ["A"]


def test_without_the_setting_nothing_is_marked(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, 0, "A")
        say(bench, session, 1, "B")
        assert marks(bench) == ["", ""]
        wait_for_stored(bench, "A", "B")


def test_after_a_crash_letters_go_on_as_the_history_counts_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, speakers="letter")
    left_behind(bench, "cutoff", boot=bench.sessions.boot, began_at=940.0)
    writing = Writing(bench.path)
    writing.begin("cutoff", started=bench.wall_clock.now - 60.0)
    writing.keep("cutoff", "before", speaker="A", covered=8_000)
    writing.written()
    writing.history.end()
    with bench:
        session = bench.live
        bench.connect(session, Covered(8_000, 0, 1))
        say(bench, session, 0, "A", origin=8_000)
        assert marks(bench) == ["A2"]
        wait_for_stored(bench, "A", "A2")
