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
    """A session that only notes what it is told."""

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


class Rounds:
    """DeliveryQueue, and the sessions that they began."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.begun: list[FakeSession] = []
        self.deliveries = DeliveryQueue(self._begin)

    def _begin(self, *parts: Any) -> Session:  # noqa: ANN401 - whatever a session is made of
        self.begun.append(FakeSession(*parts))
        return cast("Session", self.begun[-1])

    def session(self, name: str, started: float = 0.0, seconds: int = 1) -> FakeSession:
        note = msgspec.structs.replace(recording(name), started=started)
        backlog = Backlog(self._folder / name, note, Posted())
        backlog.append(bytes(2 * seconds * SAMPLE_RATE), BEGAN)
        return FakeSession(backlog, Covered(), RetryPolicy())

    def add(self, name: str, started: float) -> None:
        self.deliveries.add(self.session(name, started).backlog, Covered())

    def adopt(self, session: FakeSession) -> None:
        self.deliveries.adopt(cast("Session", session))

    def ended(self, session: FakeSession, *, complete: bool) -> None:
        self.deliveries.ended(cast("Session", session), complete=complete)

    @property
    def names(self) -> list[str]:
        return [session.name for session in self.begun]


def test_deliveries_run_one_at_a_time_oldest_first(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    rounds.deliveries.pause()
    for name, started in [("b", 2.0), ("c", 3.0), ("a", 1.0)]:
        rounds.add(name, started)
    assert rounds.names == []
    rounds.deliveries.resume()
    assert rounds.names == ["a"]
    rounds.ended(rounds.begun[0], complete=True)
    assert rounds.names == ["a", "b"]


def test_what_is_left_waits_again_in_its_place(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    rounds.deliveries.pause()
    rounds.add("b", 2.0)
    newer = rounds.session("c", 3.0)
    newer.covered = Covered(7, 0, 1)
    rounds.ended(newer, complete=False)
    rounds.deliveries.resume()
    rounds.ended(rounds.begun[0], complete=True)
    assert rounds.names == ["b", "c"]
    assert rounds.begun[1].covered == Covered(7, 0, 1)
    assert rounds.begun[1].retry_policy is newer.retry_policy


def test_a_delivery_gives_way_to_a_live_session(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    rounds.add("a", 1.0)
    rounds.deliveries.pause()
    assert rounds.begun[0].abandoned
    rounds.ended(rounds.begun[0], complete=False)
    assert rounds.names == ["a"]
    rounds.deliveries.resume()
    assert rounds.names == ["a", "a"]


def test_a_session_that_is_finishing_ends_beside_the_live_one(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    rounds.deliveries.pause()
    finishing = rounds.session("f")
    rounds.adopt(finishing)
    rounds.deliveries.pause()  # as the next live session begins
    assert not finishing.abandoned
    rounds.add("a", 1.0)
    rounds.ended(finishing, complete=True)
    assert rounds.names == []
    rounds.deliveries.resume()
    assert rounds.names == ["a"]


def test_only_one_session_ends_beside_the_live_one(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    first, second = rounds.session("1"), rounds.session("2")
    for session in (first, second):
        rounds.adopt(session)
    assert first.abandoned
    assert not second.abandoned


def test_an_adopted_session_that_loses_its_connection_waits(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    finishing = rounds.session("f")
    rounds.adopt(finishing)
    rounds.deliveries.disconnected("another")
    assert not finishing.abandoned
    rounds.deliveries.disconnected("f")
    assert finishing.abandoned


def test_a_delivery_that_loses_its_connection_tries_again(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    rounds.add("a", 1.0)
    rounds.deliveries.disconnected("a")
    assert not rounds.begun[0].abandoned


def test_it_is_known_how_much_audio_waits(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    assert rounds.deliveries.seconds == 0
    rounds.deliveries.add(rounds.session("a", 1.0, seconds=5).backlog, Covered())
    rounds.deliveries.add(rounds.session("b", 2.0, seconds=3).backlog, Covered(SAMPLE_RATE))
    assert rounds.deliveries.seconds == 7
    rounds.ended(rounds.begun[0], complete=True)
    assert rounds.deliveries.seconds == 2
