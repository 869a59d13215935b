"""Words of several connections, joined: none is lost or doubled, however connections end."""

import random
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.controller.transcript import Transcript
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered, Turn
from appliance.streaming.coverage import Coverage
from appliance.streaming.retry_policy import PACES, Pace
from tests.streaming.speech_model import MS, STEP, Record, Said, Service, said

End = Literal["dropped", "crashed", "terminated"]

COMMIT_STEP = 30 * SAMPLE_RATE


class SimulatedSession:
    """A session's way of sending audio to one connection after the other."""

    def __init__(self, words: list[Said], chance: random.Random) -> None:
        self._words = words
        self._chance = chance
        self._total = (words[-1].end + 500) * MS if words else SAMPLE_RATE
        self.now = 0
        self.covered = Covered()
        self.record = Record()
        self.transcript = Transcript()
        self.stretches: list[tuple[int, int]] = []

    @property
    def captured(self) -> int:
        return min(self._total, self.now * MS)

    def connect(self, end: End, after: int, pace: Pace) -> None:
        """Keep a connection open for so many ms, or until all is transcribed."""
        origin = self.covered.position
        opened_at = self.now
        service = Service(origin, self._words, self._chance)
        coverage = Coverage(origin, self.covered, opened_at / 1000)
        coverage.began()
        self.record.restart(self.covered)
        self.transcript.reconnected(self.covered)
        sent = origin
        while end == "terminated" or self.now - opened_at < after:
            self.now += STEP
            allowed = pace.allowance((self.now - opened_at) / 1000) * SAMPLE_RATE
            position = min(self.captured, origin + round(allowed), sent + SAMPLE_RATE)
            if position - sent >= STEP * MS or (self.captured == self._total and position > sent):
                sent = position
                service.take(sent, self.now)
                coverage.sent(sent, self.now / 1000)
            self._hear(service.hear(self.now), origin, coverage, sent)
            if end == "terminated" and sent == self._total:
                break
        if end == "terminated":
            self._hear(service.terminate(self.now), origin, coverage, sent)
            assert coverage.terminated(self.now / 1000)
            self.record.cover(coverage.covered(self.now / 1000))
        self.covered = coverage.covered(self.now / 1000)
        if end == "crashed":
            self.covered = self.record.covered
            self.transcript = Transcript()
        self.stretches.append((origin, self.covered.position))

    def _hear(self, turns: list[Turn], origin: int, coverage: Coverage, sent: int) -> None:
        for turn in turns:
            before = coverage.covered(self.now / 1000)
            coverage.heard(turn, self.now / 1000)
            covered = coverage.covered(self.now / 1000)
            assert before.position <= covered.position <= sent
            self.transcript.receive(origin, turn)
            if turn.finished:
                self.record.keep(origin, turn, covered)
                self._check_what_is_committed()
        silent = coverage.covered(self.now / 1000)
        if silent.position - self.record.covered.position >= COMMIT_STEP:
            self.record.cover(silent)
            self._check_what_is_committed()

    def _check_what_is_committed(self) -> None:
        """Check that a crash at this moment neither loses nor doubles a word."""
        covered = self.record.covered
        kept = " ".join(
            text for key, text in sorted(self.record.turns.items()) if key < covered.key
        )
        position = covered.position
        assert kept.split() == [word.text for word in self._words if word.end * MS <= position]
        assert not [w for w in self._words if w.start * MS < position < w.end * MS]


gaps = st.lists(
    st.sampled_from([60, 150, 300, 400, 450, 600, 900, 1500, 45_000]), min_size=10, max_size=50
)
connections = st.lists(
    st.tuples(
        st.sampled_from(["dropped", "dropped", "crashed"]),
        st.integers(min_value=0, max_value=20_000) | st.integers(min_value=0, max_value=60_000),
        st.sampled_from([0, 300, 4000, 40_000]),
        st.sampled_from(PACES),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=200)
@given(gaps, connections, st.integers(min_value=0, max_value=2**32))
def test_no_word_is_lost_or_doubled(
    gaps: list[int], connections: list[tuple[End, int, int, Pace]], seed: int
) -> None:
    words = said(gaps)
    session = SimulatedSession(words, random.Random(seed))
    for end, after, outage, pace in connections:
        session.connect(end, after, pace)
        session.now += outage
    session.connect("terminated", 0, PACES[0])

    assert session.record.words == [word.text for word in words]
    heard_before = session.stretches[:-1]
    crashed = any(end == "crashed" for end, *_ in connections)
    if not crashed:
        shown = session.transcript.latest(64)
        assert " ".join(turn.text for turn in shown).split() == [word.text for word in words]
    follows = [origin for origin, _ in session.stretches[1:]]
    assert [covered for _, covered in heard_before] == follows
    assert session.stretches[0][0] == 0
    assert session.stretches[-1][1] == session.captured
