import threading
from pathlib import Path

import pytest

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered
from appliance.settings.schema import ServiceSettings
from appliance.streaming.attempt import (
    HANG_DETECTION_TIME,
    USEFUL_AFTER,
    StreamOpener,
    time_limit,
    was_useful,
)
from appliance.streaming.failover import Candidate
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.retry_policy import PACES, RetryPolicy
from appliance.streaming.stream import Stream
from tests.rig.clock import Clock
from tests.rig.posted import Posted
from tests.streaming.doubles import FakeTransport, backlog_of
from tests.streaming.running_session import ScriptedTokens

LOST = Outcome(Stage.SESSION, cause=Cause.NETWORK)
FAULTY = Outcome(Stage.SESSION, 3005, "Server error")


class FixedStream(Stream):
    """A stream that never runs; a test sets what came of it."""

    began = False
    heard_turn = False
    position = 0
    overdue = False

    def covered(self) -> Covered:
        return Covered(self.position)

    @property
    def termination_is_overdue(self) -> bool:
        return self.overdue


@pytest.fixture
def stream(tmp_path: Path) -> FixedStream:
    backlog = backlog_of(bytes(2 * SAMPLE_RATE), tmp_path, Posted())
    return FixedStream(backlog, Covered(), PACES[0], FakeTransport, Posted())


@pytest.mark.parametrize(
    ("outcome", "began", "heard_turn", "covers", "alive_for", "useful"),
    [
        (LOST, True, True, True, 1.0, True),
        (LOST, True, True, False, 1.0, False),
        (LOST, True, False, False, USEFUL_AFTER + 1, True),
        (LOST, False, False, False, USEFUL_AFTER + 1, False),
        (FAULTY, True, False, False, HANG_DETECTION_TIME - 1, False),
        (FAULTY, True, False, True, HANG_DETECTION_TIME - 1, False),
        (FAULTY, True, False, False, HANG_DETECTION_TIME + 1, True),
        (FAULTY, True, True, False, USEFUL_AFTER + 1, True),
    ],
)
def test_a_connection_is_useful_if_it_covers_audio_or_lasts(
    stream: FixedStream,
    outcome: Outcome,
    *,
    began: bool,
    heard_turn: bool,
    covers: bool,
    alive_for: float,
    useful: bool,
) -> None:
    stream.began, stream.heard_turn, stream.position = began, heard_turn, int(covers)
    assert was_useful(stream, outcome, alive_for) is useful


def test_a_connection_whose_termination_is_overdue_is_useless(stream: FixedStream) -> None:
    stream.began, stream.position, stream.overdue = True, SAMPLE_RATE, True
    assert not was_useful(stream, LOST, 3600.0)


def failover_timers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "failover-s1"]


def test_a_time_limit_ends_with_its_block(stream: FixedStream) -> None:
    with time_limit(stream, 600.0, "s1"):
        assert failover_timers()
    assert not failover_timers()
    with time_limit(stream, None, "s1"):
        assert not failover_timers()


def test_a_stream_that_does_not_begin_in_time_is_given_up(stream: FixedStream) -> None:
    with time_limit(stream, 0.0, "s1"):
        assert stream.run().cause is Cause.NEVER_BEGAN


def test_without_a_token_there_is_an_outcome_and_no_stream(tmp_path: Path) -> None:
    refused = Outcome(Stage.TOKEN, 401)
    candidate = Candidate(ServiceSettings(), RetryPolicy())
    tokens = ScriptedTokens(refused)
    opener = StreamOpener(
        backlog_of(b"", tmp_path, Posted()),
        Posted(),
        tokens,
        time_left=lambda: 3.0,
        stall_timeout=1.0,
        clock=Clock(),
    )
    assert opener.open(candidate, Covered()) is refused
    assert tokens.within == [3.0]
