import errno
import os
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
from appliance.streaming.spool.inventory import recordings_in
from tests.doubles import ScriptedSession, ScriptedSessions
from tests.rig.clock import Clock
from tests.rig.waiting import wait_until
from tests.streaming.spool import trees


class Registry:
    """Open sessions with a real history, whose commits a test hands on when it likes."""

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
        self,
        name: str,
        *,
        started: float,
        boot: str = "another",
        finished: bool = True,
        listening: bool = False,
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
        if listening:
            self.sessions.listening.write(name)

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

    def commit_next(self) -> None:
        """Hand on the next commit of the history."""
        self.open_sessions.committed(self.next_committed())

    def names(self) -> list[str]:
        """Return the names of all sessions that were made, in order."""
        return [session.name for session in self.sessions.made]

    def audio(self, session: Session) -> list[Path]:
        return sorted((self.spool / session.name).glob("*.pcm"))

    @property
    def last(self) -> ScriptedSession:
        return self.sessions.made[-1]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path)
    registry.history.start()
    yield registry
    registry.open_sessions.close()
    registry.history.end()


def spool_threads(registry: Registry) -> list[str]:
    names = {folder.name for folder in registry.spool.iterdir()}
    return [t.name for t in threading.enumerate() if t.name.removeprefix("spool-") in names]


def wait_for_spool_threads(registry: Registry) -> None:
    wait_until(lambda: not spool_threads(registry))


def test_a_new_session_is_in_the_history_from_its_start(registry: Registry) -> None:
    session = registry.open_sessions.begin()
    wait_until(lambda: [kept.id for kept in reader.sessions(registry.path)] == [session.name])


def test_with_nothing_left_over_nothing_is_resumed(registry: Registry) -> None:
    assert registry.resume() is None
    assert registry.names() == []


def test_what_is_left_over_is_delivered_one_at_a_time_the_oldest_first(registry: Registry) -> None:
    for name, started in [("second", 200.0), ("third", 300.0), ("first", 100.0)]:
        registry.leave_behind(name, started=started)
    assert registry.resume() is None
    assert registry.names() == ["first"]
    assert registry.open_sessions.deliveries.seconds == 75.0
    registry.end(registry.last)
    assert registry.names() == ["first", "second"]
    registry.end(registry.last)
    registry.end(registry.last)
    assert registry.names() == ["first", "second", "third"]
    assert registry.open_sessions.deliveries.seconds == 0.0


def test_a_delivery_pauses_for_a_live_session(registry: Registry) -> None:
    registry.leave_behind("older", started=100.0)
    registry.resume()
    delivery = registry.last
    live = registry.open_sessions.begin()
    assert delivery.abandoned
    registry.end(delivery, complete=False)
    assert registry.last is live
    registry.end(live)
    assert registry.last is live
    registry.open_sessions.deliveries.resume()
    assert registry.last.name == "older"


def test_what_is_older_is_delivered_first_even_if_something_newer_came_between(
    registry: Registry,
) -> None:
    registry.leave_behind("oldest", started=100.0)
    registry.leave_behind("older", started=200.0)
    registry.resume()
    live = registry.open_sessions.begin()
    registry.end(registry.sessions.made[0], complete=False)
    registry.end(live, complete=False)
    registry.open_sessions.deliveries.resume()
    for _ in range(3):
        registry.end(registry.last)
    assert registry.names() == ["oldest", live.name, "oldest", "older", live.name]


def test_what_a_crash_interrupted_on_this_boot_goes_on(registry: Registry) -> None:
    registry.leave_behind("waiting", started=100.0)
    registry.leave_behind(
        "interrupted", started=200.0, boot=registry.sessions.boot, finished=False, listening=True
    )
    session = registry.resume()
    assert session
    assert session.name == "interrupted"
    assert not session.backlog.finished
    assert registry.names() == ["interrupted"]  # the other one waits for the live one's end


def test_a_session_interrupted_long_ago_does_not_open_the_microphone(
    registry: Registry,
) -> None:
    registry.leave_behind(
        "old", started=200.0, boot=registry.sessions.boot, finished=False, listening=True
    )
    registry.sessions._clock.now += 60  # type: ignore[attr-defined]
    assert registry.resume() is None
    assert registry.names() == ["old"]


@pytest.mark.parametrize("boot", ["another", "this"])
def test_what_can_not_go_on_is_delivered_instead(registry: Registry, boot: str) -> None:
    """A session of another boot, or one that the person had ended, does not listen again."""
    of_this_boot = boot == "this"
    registry.leave_behind(
        "over",
        started=100.0,
        boot=registry.sessions.boot if of_this_boot else "another",
        finished=of_this_boot,
        listening=True,
    )
    assert registry.resume() is None
    assert registry.names() == ["over"]
    assert registry.last.backlog.finished


def test_a_session_that_was_ended_while_the_disk_took_no_writes_does_not_listen_again(
    registry: Registry,
) -> None:
    # Its manifest says that it goes on; nothing but the note in memory could be written.
    registry.leave_behind("ended", started=100.0, boot=registry.sessions.boot, finished=False)
    assert registry.resume() is None
    assert registry.names() == ["ended"]
    assert registry.last.backlog.finished


def test_only_the_latest_of_several_interrupted_sessions_goes_on(registry: Registry) -> None:
    for name, started in [("older", 100.0), ("newer", 200.0)]:
        registry.leave_behind(
            name, started=started, boot=registry.sessions.boot, finished=False, listening=True
        )
    session = registry.resume()
    assert session
    assert session.name == "newer"
    registry.end(session)
    registry.open_sessions.deliveries.resume()
    assert registry.last.name == "older"
    assert registry.last.backlog.finished


def test_a_covered_session_that_the_disk_keeps_is_not_delivered_at_each_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Registry(tmp_path)
    first.leave_behind("s1", started=1_600_000_000.0)

    def refuse(path: object, *_args: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    for registry, made in ((first, ["s1"]), (Registry(tmp_path), []), (Registry(tmp_path), [])):
        registry.history.start()
        with monkeypatch.context() as undeletable:
            for call in ("unlink", "rename", "rmdir"):
                undeletable.setattr(os, call, refuse)
            registry.resume()
            assert registry.names() == made
            if made:
                registry.hear(registry.last, 0, covered=25.0)
                registry.commit_next()
                registry.end(registry.last)
            else:
                registry.commit_next()
            registry.open_sessions.close()
            wait_for_spool_threads(registry)
        registry.history.end()
    assert (first.spool / "s1").exists()


def test_a_delivery_goes_on_from_what_the_history_says_is_covered(registry: Registry) -> None:
    recording = Recording("half", 100.0, 100.0, "another", finished=True)
    registry.history.begin(recording)
    registry.history.cover("half", Covered(15 * SAMPLE_RATE, 0, 3))
    registry.next_committed()
    registry.leave_behind("half", started=100.0)
    registry.resume()
    assert registry.last.reached.covered == Covered(15 * SAMPLE_RATE, 0, 3)
    assert registry.last.backlog.start == 10 * SAMPLE_RATE


def test_audio_that_is_wholly_transcribed_is_only_removed(registry: Registry) -> None:
    registry.leave_behind("done", started=100.0)
    registry.history.begin(Recording("done", 100.0, 100.0, "another", finished=True))
    covered = Covered(25 * SAMPLE_RATE, 0, 1)
    heard = Turn(0, "all", finished=True)
    registry.history.save_turn(TurnReceived("done", 0, heard, 0.0, 1.0, covered))
    registry.next_committed()
    assert registry.resume() is None
    assert registry.names() == []
    wait_until(lambda: not (registry.spool / "done").exists())
    wait_until(lambda: [kept.ended for kept in reader.sessions(registry.path)] == [125.0])


def test_audio_stays_until_all_its_words_are_committed(registry: Registry) -> None:
    registry.leave_behind("session", started=100.0)
    registry.resume()
    session = registry.last
    session.reached = msgspec.structs.replace(
        session.reached, covered=Covered(25 * SAMPLE_RATE, 0, 2)
    )
    # All three are written at their time, and what was written is heard of later.
    registry.hear(session, 0, covered=12.0)
    registry.hear(session, 1, covered=25.0)
    registry.end(session)
    registry.commit_next()
    assert session.backlog.start == 10 * SAMPLE_RATE
    registry.commit_next()
    registry.commit_next()
    wait_until(lambda: not (registry.spool / "session").exists())
    [kept] = reader.sessions(registry.path)
    assert [turn.text for turn in kept.turns] == ["turn 0", "turn 1"]
    assert kept.ended == 100.0 + 25.0


def test_a_power_cut_between_two_turns_finds_the_audio_of_the_second(registry: Registry) -> None:
    registry.leave_behind("session", started=100.0)
    registry.resume()
    session = registry.last
    registry.hear(session, 0, covered=12.0)
    registry.hear(session, 1, covered=25.0)
    registry.end(session)
    registry.commit_next()  # of the first turn, though the session is complete by now
    registry.open_sessions.close()
    wait_until(lambda: spool_threads(registry) == [])
    assert len(registry.audio(session)) == 2
    assert (registry.spool / "session" / "session.json").exists()


def test_a_session_without_words_leaves_nothing(registry: Registry) -> None:
    session = registry.open_sessions.begin()
    registry.end(session)
    registry.commit_next()
    wait_until(lambda: not (registry.spool / session.name).exists())
    assert list(reader.sessions(registry.path)) == []


def test_a_commit_of_a_session_that_is_over_is_ignored(registry: Registry) -> None:
    registry.open_sessions.committed(Committed("gone", Covered()))


def test_closing_ends_every_thread_and_leaves_the_audio(registry: Registry) -> None:
    for number in range(3):
        registry.leave_behind(f"session{number}", started=100.0 + number)
    registry.resume()
    live = registry.open_sessions.begin()
    assert len(spool_threads(registry)) >= 3
    registry.open_sessions.close()
    assert spool_threads(registry) == []
    assert all(session.abandoned for session in registry.sessions.made)
    assert len(list(registry.spool.glob("*/session.json"))) == 4
    assert live.name in {folder.name for folder in registry.spool.iterdir()}


def test_whatever_lies_in_the_spool_all_sessions_are_delivered_and_removed(
    registry: Registry,
) -> None:
    for number, damage in enumerate(trees.DAMAGES):
        damage(trees.leave_session(registry.spool, f"s{number}", started=100.0 + number))
    for stranger in trees.STRANGERS:
        stranger(registry.spool)
    registry.resume()
    delivered = []
    while (session := registry.last).name not in delivered:
        delivered.append(session.name)
        assert session.backlog.captured == 25 * SAMPLE_RATE
        assert session.backlog.read(0, 1) == b"\1\0"
        registry.hear(session, 0, covered=25.0)
        registry.end(session)
        registry.commit_next()
        registry.commit_next()
    assert sorted(delivered) == sorted(f"s{number}" for number in range(len(trees.DAMAGES)))
    wait_until(lambda: recordings_in(registry.spool) == [])
    registry.open_sessions.close()
    assert {kept.id for kept in reader.sessions(registry.path)} == {*delivered}
