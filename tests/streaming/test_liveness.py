import pytest

from appliance.streaming.liveness import PING_INTERVAL, PONG_TIMEOUT, STALL_TIMEOUT, Liveness
from tests.rig.clock import Clock

STEP = 0.5


class Peer:
    """A connection that is looked at twice a second."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.liveness = Liveness(clock=self.clock)
        self.acknowledged: int | None = 0
        self.unacknowledged = 0

    def pass_time(self, seconds: float, *, progress: int = 0, answers: bool = False) -> str:
        """Go on like this for so long, or until the peer is dead; return why it is."""
        until = self.clock.now + seconds
        while self.clock.now < until and not self.liveness.failure:
            self.clock.now += STEP
            if self.acknowledged is not None:
                self.acknowledged += progress
            self.liveness.observe(self.acknowledged, self.unacknowledged)
            if self.liveness.ping_is_due:
                self.liveness.note_ping(self.unacknowledged)
            if answers:
                self.liveness.note_received()
        return self.liveness.failure


def test_a_peer_that_answers_is_alive() -> None:
    peer = Peer()
    assert peer.pass_time(3600.0, answers=True) == ""
    assert peer.liveness.unresponsive_for == 0.0


def test_a_peer_that_acknowledges_nothing_is_dead_after_a_while() -> None:
    peer = Peer()
    peer.unacknowledged = 1000
    assert "acknowledges nothing" in peer.pass_time(60.0)
    assert STALL_TIMEOUT < peer.liveness.unresponsive_for <= STALL_TIMEOUT + STEP


def test_nothing_on_its_way_needs_no_acknowledgement() -> None:
    peer = Peer()
    assert peer.pass_time(STALL_TIMEOUT + 2, progress=0) == ""


def test_a_peer_that_takes_pings_and_answers_none_is_dead() -> None:
    peer = Peer()
    assert "answers nothing" in peer.pass_time(60.0, progress=100)
    assert PONG_TIMEOUT < peer.liveness.unresponsive_for <= PONG_TIMEOUT + PING_INTERVAL


def test_acknowledgements_after_a_ping_has_arrived_are_no_sign_of_life() -> None:
    peer = Peer()
    peer.pass_time(PING_INTERVAL + STEP)
    assert peer.pass_time(5.0, progress=100) == ""
    assert peer.liveness.unresponsive_for > 5.0


def test_a_ping_on_its_way_up_a_slow_link_is_no_reason() -> None:
    peer = Peer()
    peer.unacknowledged = 10_000_000  # so much is before the ping
    assert peer.pass_time(400.0, progress=10_000) == ""
    assert peer.liveness.unresponsive_for == 0.0


def test_an_answer_makes_the_peer_alive_again() -> None:
    peer = Peer()
    peer.pass_time(PONG_TIMEOUT - 1, progress=100)
    peer.liveness.note_received()
    assert peer.pass_time(PONG_TIMEOUT - 1, progress=100) == ""


@pytest.mark.parametrize("unacknowledged", [0, 1000])
def test_where_the_kernel_says_nothing_only_answers_count(unacknowledged: int) -> None:
    peer = Peer()
    peer.acknowledged, peer.unacknowledged = None, unacknowledged
    assert peer.pass_time(3600.0, answers=True) == ""
    assert "answers nothing" in peer.pass_time(60.0)
    assert PONG_TIMEOUT < peer.liveness.unresponsive_for <= PONG_TIMEOUT + 2 * PING_INTERVAL
