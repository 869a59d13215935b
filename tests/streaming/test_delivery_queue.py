from pathlib import Path
from typing import Any, cast

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered
from appliance.streaming.delivery_queue import DeliveryQueue
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Progress, Session
from appliance.streaming.spool.backlog import Backlog
from tests.rig.posted import Posted
from tests.streaming.doubles import BEGAN, recording


class FakeSession:
    """A session that only notes that it was abandoned."""

    def __init__(self, backlog: Backlog, covered: Covered, retry_policy: RetryPolicy) -> None:
        self.backlog = backlog
        self.covered = covered
        self.retry_policy = retry_policy
        self.abandoned = False

    @property
    def name(self) -> str:
        return self.backlog.session

    def abandon(self) -> None:
        self.abandoned = True

    def progress(self) -> Progress:
        return Progress(self.backlog.captured, 0, 0, self.covered, 0)


class RunningQueue:
    """A delivery queue, and the sessions that it began."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.begun: list[FakeSession] = []
        self.queue = DeliveryQueue(self._begin)

    def _begin(self, *parts: Any) -> Session:  # noqa: ANN401 - whatever a session is made of
        self.begun.append(FakeSession(*parts))
        return cast("Session", self.begun[-1])

    def session(self, name: str, started: float = 0.0, seconds: int = 1) -> FakeSession:
        note = msgspec.structs.replace(recording(name), started=started)
        backlog = Backlog(self._folder / name, note, Posted())
        backlog.append(bytes(2 * seconds * SAMPLE_RATE), BEGAN)
        return FakeSession(backlog, Covered(), RetryPolicy())

    def add(self, name: str, started: float) -> None:
        self.queue.add(self.session(name, started).backlog, Covered())

    def adopt(self, session: FakeSession) -> None:
        self.queue.adopt(cast("Session", session))

    def ended(self, session: FakeSession, *, complete: bool) -> None:
        self.queue.ended(cast("Session", session), complete=complete)

    @property
    def names(self) -> list[str]:
        return [session.name for session in self.begun]


def test_deliveries_run_one_at_a_time_oldest_first(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    running.queue.pause()
    for name, started in [("b", 2.0), ("c", 3.0), ("a", 1.0)]:
        running.add(name, started)
    assert running.names == []
    running.queue.resume()
    assert running.names == ["a"]
    running.ended(running.begun[0], complete=True)
    assert running.names == ["a", "b"]


def test_an_unfinished_delivery_waits_again_in_its_place(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    running.queue.pause()
    running.add("b", 2.0)
    newer = running.session("c", 3.0)
    newer.covered = Covered(7, 0, 1)
    running.ended(newer, complete=False)
    running.queue.resume()
    running.ended(running.begun[0], complete=True)
    assert running.names == ["b", "c"]
    assert running.begun[1].covered == Covered(7, 0, 1)
    assert running.begun[1].retry_policy is newer.retry_policy


def test_a_delivery_gives_way_to_a_live_session(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    running.add("a", 1.0)
    running.queue.pause()
    assert running.begun[0].abandoned
    running.ended(running.begun[0], complete=False)
    assert running.names == ["a"]
    running.queue.resume()
    assert running.names == ["a", "a"]


def test_a_session_that_is_finishing_ends_beside_the_live_one(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    running.queue.pause()
    finishing = running.session("f")
    running.adopt(finishing)
    running.queue.pause()  # as the next live session begins
    assert not finishing.abandoned
    running.add("a", 1.0)
    running.ended(finishing, complete=True)
    assert running.names == []
    running.queue.resume()
    assert running.names == ["a"]


def test_only_one_session_ends_beside_the_live_one(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    first, second = running.session("1"), running.session("2")
    for session in (first, second):
        running.adopt(session)
    assert first.abandoned
    assert not second.abandoned


def test_an_adopted_session_that_loses_its_connection_waits(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    finishing = running.session("f")
    running.adopt(finishing)
    running.queue.disconnected("another")
    assert not finishing.abandoned
    running.queue.disconnected("f")
    assert finishing.abandoned


def test_a_delivery_that_loses_its_connection_tries_again(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    running.add("a", 1.0)
    running.queue.disconnected("a")
    assert not running.begun[0].abandoned


def test_waiting_audio_is_counted(tmp_path: Path) -> None:
    running = RunningQueue(tmp_path)
    assert running.queue.seconds == 0
    running.queue.add(running.session("a", 1.0, seconds=5).backlog, Covered())
    running.queue.add(running.session("b", 2.0, seconds=3).backlog, Covered(SAMPLE_RATE))
    assert running.queue.seconds == 7
    running.ended(running.begun[0], complete=True)
    assert running.queue.seconds == 2
