import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.controller.open_sessions import OpenSessions
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Committed, Event, SessionEnded, TurnReceived
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Turn
from appliance.history import reader
from appliance.history.writer import HistoryWriter
from appliance.settings import Settings
from appliance.settings.schema import HistorySettings
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog
from tests.doubles import ScriptedSession, ScriptedSessions
from tests.rig.clock import Clock
from tests.rig.waiting import wait_until


class Holding:
    """A custody with a real history, whose events a test hands on when it likes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.db"
        self.posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        settings = msgspec.structs.replace(Settings(), history=HistorySettings(path=str(self.path)))
        self.spool = settings.spool
        self.history = HistoryWriter(settings.history, self.posted.put)
        self.sessions = ScriptedSessions(
            settings, self.posted.put, Clock(150.0), Clock(1_700_000_000.0)
        )
        self.open_sessions = OpenSessions(self.sessions, self.history)

    def leave_behind(
        self, name: str, *, started: float, boot: str = "another", finished: bool = True
    ) -> None:
        """Leave 25 s of audio in the spool, as an earlier run would have."""
        recording = Recording(name, started, 100.0, boot, finished=finished)
        backlog = Backlog(self.spool / name, recording, self.posted.put)
        backlog.open()
        for second in range(25):
            backlog.append(bytes(2 * SAMPLE_RATE), 100.0 + second)
        if finished:
            backlog.finish()
        backlog.close()

    def resume(self) -> Session | None:
        return self.open_sessions.resume(self.sessions.left_over())

    def end(self, session: Session, *, complete: bool = True) -> None:
        self.open_sessions.ended(SessionEnded(session.name, complete))

    def hear(self, session: Session, order: int, covered: float) -> None:
        self.history.save_turn(
            TurnReceived(
                session.name,
                0,
                Turn(order, f"turn {order}", finished=True),
                started=0.0,
                ended=1.0,
                covered=Covered(round(covered * SAMPLE_RATE), 0, order + 1),
            )
        )

    def next_committed(self) -> Committed:
        while True:
            if isinstance(event := self.posted.get(timeout=20), Committed):
                return event

    def hand_on(self) -> None:
        """Hand on what the history kept next."""
        self.open_sessions.committed(self.next_committed())

    def names(self) -> list[str]:
        """Which sessions were begun, in order."""
        return [session.name for session in self.sessions.made]

    def audio(self, session: Session) -> list[Path]:
        return sorted((self.spool / session.name).glob("*.pcm"))

    @property
    def last(self) -> ScriptedSession:
        return self.sessions.made[-1]


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Holding]:
    holding = Holding(tmp_path)
    holding.history.start()
    yield holding
    holding.open_sessions.close()
    holding.history.end()


def spool_threads(holding: Holding) -> list[str]:
    names = {folder.name for folder in holding.spool.iterdir()}
    return [t.name for t in threading.enumerate() if t.name.removeprefix("spool-") in names]


def test_a_new_session_is_in_the_history_from_its_start(holding: Holding) -> None:
    session = holding.open_sessions.begin()
    wait_until(lambda: [kept.id for kept in reader.sessions(holding.path)] == [session.name])


def test_with_nothing_left_over_nothing_is_taken_up(holding: Holding) -> None:
    assert holding.resume() is None
    assert holding.names() == []


def test_what_is_left_over_is_delivered_one_at_a_time_the_oldest_first(holding: Holding) -> None:
    for name, started in [("second", 200.0), ("third", 300.0), ("first", 100.0)]:
        holding.leave_behind(name, started=started)
    assert holding.resume() is None
    assert holding.names() == ["first"]
    assert holding.open_sessions.deliveries.seconds == 75.0
    holding.end(holding.last)
    assert holding.names() == ["first", "second"]
    holding.end(holding.last)
    holding.end(holding.last)
    assert holding.names() == ["first", "second", "third"]
    assert holding.open_sessions.deliveries.seconds == 0.0


def test_a_delivery_gives_way_to_a_live_session(holding: Holding) -> None:
    holding.leave_behind("older", started=100.0)
    holding.resume()
    delivery = holding.last
    live = holding.open_sessions.begin()
    assert delivery.abandoned
    holding.end(delivery, complete=False)
    assert holding.last is live
    holding.end(live)
    assert holding.last is live
    holding.open_sessions.deliveries.resume()
    assert holding.last.name == "older"


def test_what_is_older_is_delivered_first_even_if_something_newer_came_between(
    holding: Holding,
) -> None:
    holding.leave_behind("oldest", started=100.0)
    holding.leave_behind("older", started=200.0)
    holding.resume()
    live = holding.open_sessions.begin()
    holding.end(holding.sessions.made[0], complete=False)
    holding.end(live, complete=False)
    holding.open_sessions.deliveries.resume()
    for _ in range(3):
        holding.end(holding.last)
    assert holding.names() == ["oldest", live.name, "oldest", "older", live.name]


def test_what_a_crash_interrupted_on_this_boot_goes_on(holding: Holding) -> None:
    holding.leave_behind("waiting", started=100.0)
    holding.leave_behind("interrupted", started=200.0, boot=holding.sessions.boot, finished=False)
    session = holding.resume()
    assert session
    assert session.name == "interrupted"
    assert not session.backlog.finished
    assert holding.names() == ["interrupted"]  # the other one waits for the live one's end


def test_a_session_that_was_cut_off_long_ago_does_not_open_the_microphone(
    holding: Holding,
) -> None:
    holding.leave_behind("old", started=200.0, boot=holding.sessions.boot, finished=False)
    holding.sessions._clock.now += 60  # type: ignore[attr-defined]
    assert holding.resume() is None
    assert holding.names() == ["old"]


@pytest.mark.parametrize("boot", ["another", "this"])
def test_what_can_not_go_on_is_delivered_instead(holding: Holding, boot: str) -> None:
    """A session of another boot, or one that the person had ended, does not listen again."""
    of_this_boot = boot == "this"
    holding.leave_behind(
        "over",
        started=100.0,
        boot=holding.sessions.boot if of_this_boot else "another",
        finished=of_this_boot,
    )
    assert holding.resume() is None
    assert holding.names() == ["over"]
    assert holding.last.backlog.finished


def test_only_the_latest_of_several_interrupted_sessions_goes_on(holding: Holding) -> None:
    for name, started in [("newer", 200.0), ("older", 100.0)]:
        holding.leave_behind(name, started=started, boot=holding.sessions.boot, finished=False)
    session = holding.resume()
    assert session
    assert session.name == "newer"
    holding.end(session)
    holding.open_sessions.deliveries.resume()
    assert holding.last.name == "older"
    assert holding.last.backlog.finished


def test_a_delivery_goes_on_from_what_the_history_says_is_covered(holding: Holding) -> None:
    recording = Recording("half", 100.0, 100.0, "another", finished=True)
    holding.history.begin(recording)
    holding.history.cover("half", Covered(15 * SAMPLE_RATE, 0, 3))
    holding.next_committed()
    holding.leave_behind("half", started=100.0)
    holding.resume()
    assert holding.last.reached.covered == Covered(15 * SAMPLE_RATE, 0, 3)
    assert holding.last.backlog.start == 10 * SAMPLE_RATE


def test_what_was_wholly_transcribed_is_only_cleared_away(holding: Holding) -> None:
    holding.leave_behind("done", started=100.0)
    holding.history.begin(Recording("done", 100.0, 100.0, "another", finished=True))
    covered = Covered(25 * SAMPLE_RATE, 0, 1)
    heard = Turn(0, "all", finished=True)
    holding.history.save_turn(TurnReceived("done", 0, heard, 0.0, 1.0, covered))
    holding.next_committed()
    assert holding.resume() is None
    assert holding.names() == []
    wait_until(lambda: not (holding.spool / "done").exists())
    wait_until(lambda: [kept.ended for kept in reader.sessions(holding.path)] == [125.0])


def test_audio_stays_until_the_history_has_all_its_words(holding: Holding) -> None:
    holding.leave_behind("session", started=100.0)
    holding.resume()
    session = holding.last
    session.reached = msgspec.structs.replace(
        session.reached, covered=Covered(25 * SAMPLE_RATE, 0, 2)
    )
    # All three are written at their time, and what was written is heard of later.
    holding.hear(session, 0, covered=12.0)
    holding.hear(session, 1, covered=25.0)
    holding.end(session)
    holding.hand_on()
    assert session.backlog.start == 10 * SAMPLE_RATE
    holding.hand_on()
    holding.hand_on()
    wait_until(lambda: not (holding.spool / "session").exists())
    [kept] = reader.sessions(holding.path)
    assert [turn.text for turn in kept.turns] == ["turn 0", "turn 1"]
    assert kept.ended == 100.0 + 25.0


def test_a_power_cut_between_two_turns_finds_the_audio_of_the_second(holding: Holding) -> None:
    holding.leave_behind("session", started=100.0)
    holding.resume()
    session = holding.last
    holding.hear(session, 0, covered=12.0)
    holding.hear(session, 1, covered=25.0)
    holding.end(session)
    holding.hand_on()  # of the first turn, though the session is complete by now
    holding.open_sessions.close()
    wait_until(lambda: spool_threads(holding) == [])
    assert len(holding.audio(session)) == 2
    assert (holding.spool / "session" / "session.json").exists()


def test_a_session_without_words_leaves_nothing(holding: Holding) -> None:
    session = holding.open_sessions.begin()
    holding.end(session)
    holding.hand_on()
    wait_until(lambda: not (holding.spool / session.name).exists())
    assert list(reader.sessions(holding.path)) == []


def test_what_is_kept_of_a_session_long_gone_does_no_harm(holding: Holding) -> None:
    holding.open_sessions.committed(Committed("gone", Covered()))


def test_closing_ends_every_thread_and_leaves_the_audio(holding: Holding) -> None:
    for number in range(3):
        holding.leave_behind(f"session{number}", started=100.0 + number)
    holding.resume()
    live = holding.open_sessions.begin()
    assert len(spool_threads(holding)) >= 3
    holding.open_sessions.close()
    assert spool_threads(holding) == []
    assert all(session.abandoned for session in holding.sessions.made)
    assert len(list(holding.spool.glob("*/session.json"))) == 4
    assert live.name in {folder.name for folder in holding.spool.iterdir()}
