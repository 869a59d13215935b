from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.controller.live_session import COMMIT_STEP, SHOWN_TURNS, ClosingSessions, LiveSession
from appliance.controller.speaker_marks import Style
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import TurnReceived
from appliance.core.faults import Fault
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Turn
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary
from appliance.settings import Settings
from appliance.settings.schema import ServiceSettings
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog
from tests.doubles import ScriptedSession, ScriptedSessions
from tests.rig.box import settings_for
from tests.rig.clock import Clock

BEGAN = 1000.0


@pytest.fixture
def session(tmp_path: Path) -> Iterator[ScriptedSession]:
    recording = Recording("a", 0.0, BEGAN, "boot")
    backlog = Backlog(tmp_path / "a", recording, lambda _: None)
    yield ScriptedSession(backlog, ServiceSettings(), lambda _: None)
    backlog.close()


def heard(turn: Turn, covered: float = 0.0) -> TurnReceived:
    position = Covered(round(covered * SAMPLE_RATE), 0, turn.order + 1)
    return TurnReceived("a", 0, turn, 0.0, 1.0, position)


def test_time_runs_from_press_to_press(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN + 1.0)
    assert live.elapsed(BEGAN + 5.0) == 5.0
    live.finished_at = BEGAN + 7.0
    assert live.elapsed(BEGAN + 60.0) == 7.0


def test_silence_is_what_was_heard_since_the_last_word(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    session.reach(captured=500, sent=300, heard=100, last_word=40)
    live.follow(BEGAN + 500.0)
    assert live.silence(BEGAN + 500.0) == 60.0


def test_without_a_microphone_time_is_silence(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    live.note_microphone(BEGAN + 10.0, present=False)
    assert live.silence(BEGAN + 40.0) == 30.0
    live.note_microphone(BEGAN + 50.0, present=True)
    assert live.silence(BEGAN + 60.0) == 0.0


def test_the_service_is_unresponsive_from_its_last_sign_of_life_on(
    session: ScriptedSession,
) -> None:
    live = LiveSession(session, BEGAN)
    live.follow(BEGAN + 20.0)
    live.finished_at = BEGAN + 10.0
    assert live.unresponsive_for(BEGAN + 15.0) == 5.0
    live.note_connection(Covered(), BEGAN + 16.0)
    assert live.unresponsive_for(BEGAN + 17.0) == 1.0
    session.reach(sent=1)
    live.follow(BEGAN + 18.0)
    assert live.unresponsive_for(BEGAN + 20.0) == 2.0
    live.receive(heard(Turn(0, "word")), BEGAN + 25.0)
    assert live.unresponsive_for(BEGAN + 26.0) == 1.0


def test_audio_for_a_service_that_never_listened_is_no_sign_of_life(
    session: ScriptedSession,
) -> None:
    live = LiveSession(session, BEGAN)
    live.finished_at = BEGAN
    for second in range(1, 30):
        session.reach(sent=second % 10)  # again and again: it is sent again after each attempt
        live.follow(BEGAN + second)
        live.note_disconnection(Fault("Can't reach the service"))
        assert live.unresponsive_for(BEGAN + second) == second


def test_a_service_that_begins_again_and_again_gives_one_sign_of_life(
    session: ScriptedSession,
) -> None:
    live = LiveSession(session, BEGAN)
    live.finished_at = BEGAN
    for second in range(1, 30):
        live.note_connection(Covered(), BEGAN + second)
        session.reach(sent=3)
        live.follow(BEGAN + second)
        session.reach(sent=0)
        live.follow(BEGAN + second)
        live.note_disconnection(Fault("Connection lost"))
    # The second of the connections might have followed a loss of the network.
    assert live.unresponsive_for(BEGAN + 29.0) == 27.0


def test_before_the_second_press_the_service_is_not_unresponsive(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    assert live.unresponsive_for(BEGAN + 3600.0) == 0.0


def test_silence_is_committed_in_large_steps(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    step = COMMIT_STEP / SAMPLE_RATE
    commits = []
    for second in range(100):
        session.reach(covered=second)
        live.follow(BEGAN + second)
        if live.to_commit():
            commits.append(second)
    assert commits == [step, 2 * step, 3 * step]


def test_what_a_finished_turn_covers_needs_no_other_commit(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    for second in range(0, 100, 10):
        session.reach(covered=second)
        live.receive(heard(Turn(second, "words", finished=True), second), BEGAN + second)
        live.follow(BEGAN + second)
        assert not live.to_commit()


def test_a_turn_that_is_covered_late_is_committed_at_once(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    live.receive(heard(Turn(0, "words", finished=True), covered=0), BEGAN + 4.0)
    covered = Covered(SAMPLE_RATE, 0, 9)
    session.reached = msgspec.structs.replace(session.reached, covered=covered)
    live.follow(BEGAN + 5.0)
    assert live.to_commit() == covered
    assert live.to_commit() is None


def test_a_partial_turn_commits_nothing(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    session.reach(covered=40)
    live.receive(heard(Turn(0, "words"), covered=40), BEGAN + 40.0)
    live.follow(BEGAN + 40.0)
    assert live.to_commit()


def test_a_resumed_session_commits_only_what_is_new(session: ScriptedSession) -> None:
    session.reach(covered=500)
    live = LiveSession(session, BEGAN)
    assert not live.to_commit()


def test_the_scene_holds_all_there_is_to_see(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    live.receive(heard(Turn(0, "Good", tentative="mor")), BEGAN)
    session.reach(captured=12, sent=2)
    live.follow(BEGAN + 12.0)
    fault = Fault("No network")
    scene = live.scene(
        Mode.RECONNECTING, BEGAN + 12.0, level=0.5, fault=fault, hint="a hint", power_off_in=2
    )
    assert scene == Scene(
        mode=Mode.RECONNECTING,
        elapsed=12.0,
        level=0.5,
        turns=(ShownTurn("Good", "mor"),),
        waiting=10.0,
        fault=fault,
        hint="a hint",
        network=False,
        power_off_in=2,
    )


def test_the_fallback_is_marked_while_it_is_connected(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    session.reached = msgspec.structs.replace(session.reached, on_fallback=True)
    live.follow(BEGAN)
    for connected in (False, True):
        live.connected = connected
        scene = live.scene(Mode.LISTENING, BEGAN, level=0.0, fault=None, hint="", power_off_in=0)
        assert scene.on_fallback is connected


def test_the_scene_does_not_grow_with_the_session(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    for order in range(1000):
        live.receive(heard(Turn(order, f"turn {order}", finished=True)), BEGAN)
    scene = live.scene(Mode.LISTENING, BEGAN, level=0.0, fault=None, hint="", power_off_in=0)
    turns = scene.turns
    assert len(turns) == SHOWN_TURNS
    assert turns[-1] == ShownTurn("turn 999")


def test_the_summary_has_the_length_and_the_words(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    live.receive(heard(Turn(0, "three words here", finished=True)), BEGAN)
    live.finished_at = BEGAN + 20.0
    assert live.summary(BEGAN + 25.0) == Summary(seconds=20.0, words=3)


# Sessions that wait for the last chunk


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[list[Session]]:
    settings: Settings = settings_for("ws://service", "http://token", tmp_path)
    maker = ScriptedSessions(settings, lambda _: None, Clock(0.0), Clock(0.0))
    made = [maker.new(), maker.new()]
    yield made
    for session in made:
        session.backlog.close()


def test_the_microphone_s_last_chunk_completes_the_session_that_waits_longest(
    sessions: list[Session],
) -> None:
    first, second = sessions
    closing = ClosingSessions()
    closing.add(first, 10.0)
    closing.add(second, 11.0)
    closing.complete_oldest()
    assert first.backlog.finished
    assert not second.backlog.finished
    closing.complete_oldest()
    assert second.backlog.finished


def test_a_session_is_overdue_until_it_is_complete(
    sessions: list[Session],
) -> None:
    first, second = sessions
    closing = ClosingSessions()
    closing.add(first, 10.0)
    closing.add(second, 12.0)
    assert closing.overdue(13.0) == []
    assert closing.overdue(13.1) == [first]
    first.finish()
    assert closing.overdue(14.0) == []


def test_a_microphone_may_close_without_a_session() -> None:
    ClosingSessions().complete_oldest()


def test_speakers_that_are_known_can_be_named(session: ScriptedSession) -> None:
    live = LiveSession(session, BEGAN)
    live.receive(heard(Turn(0, "morning", finished=True, speaker="A")), BEGAN)
    assert live.name_speaker(0, "A", "Anna")
    assert not live.name_speaker(0, "B", "Ben")
    assert not live.name_speaker(9, "A", "Ben")

    def marks(style: Style) -> list[tuple[str, ...]]:
        scene = live.scene(
            Mode.LISTENING, BEGAN, level=0.0, fault=None, hint="", power_off_in=0, speakers=style
        )
        return [turn.marks for turn in scene.turns]

    assert marks("letter") == [("Anna", "A")]
    assert marks("dash") == [()]
