"""Words of connections to a service that is deaf at times: none is lost or doubled."""

import random

from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.turns import Covered
from appliance.streaming.acknowledgements import Acknowledgements
from appliance.streaming.coverage import Coverage
from appliance.streaming.messages import Heartbeat
from appliance.streaming.retry_policy import PACES
from appliance.streaming.suspect_audio import SuspectAudio
from tests.streaming.deaf_model import AcknowledgingService, Deafness, Heartbeats
from tests.streaming.speech_model import MS, STEP, Record, Said, said

RECONNECT = 300
"""Milliseconds from the end of a connection to the next one; twice as many after each failure."""

MOST_CONNECTIONS = 20

NOTICED = 12_000
"""Milliseconds of deafness that heartbeats show: two of them, and the longest pause."""


NEVER = Deafness(0, 0, "go on")


class DeafenedSession:
    """A session's way of sending audio to a service until all of it is covered."""

    def __init__(
        self, words: list[Said], chance: random.Random, deafness: Deafness, *, tells_silence: bool
    ) -> None:
        self.words = words
        self._chance = chance
        self._deafness = deafness
        self._was_noticeable = False
        self._tells_silence = tells_silence
        self._total = (words[-1].end + NOTICED) * MS
        self._suspect = SuspectAudio()
        self.now = 0
        self.covered = Covered()
        self.record = Record()
        self.sent_again: list[int] = []

    def connect(self, until: int | None) -> bool:
        """Keep a connection open until a moment, or to the end; return whether all is covered."""
        origin, opened_at = self.covered.position, self.now
        service = AcknowledgingService(
            origin,
            self.words,
            self._chance,
            opened_at=opened_at,
            deafness=self._deafness_from(opened_at),
            tells_silence=self._tells_silence,
        )
        self.sent_again.append(origin)
        told = Acknowledgements(origin, opened_at / 1000, expected=True, suspect=self._suspect)
        coverage = Coverage(origin, self.covered, opened_at / 1000, told)
        coverage.began()
        self.record.restart(self.covered)
        complete = self._converse(service, coverage, until)
        deaf_for = min(self.now, self._deafness.end) - max(opened_at, self._deafness.start)
        self._was_noticeable = self._was_noticeable or deaf_for >= NOTICED
        if not complete:
            self.covered = coverage.covered(self._seconds)
        return complete

    def _deafness_from(self, opened_at: int) -> Deafness:
        """Return the deafness of a connection that opens at a moment.

        No heartbeat shows the last seconds of a deafness that no earlier connection has shown.
        """
        is_short = self._deafness.end - opened_at < NOTICED
        return NEVER if is_short and not self._was_noticeable else self._deafness

    @property
    def _seconds(self) -> float:
        return self.now / 1000

    def _converse(
        self, service: AcknowledgingService, coverage: Coverage, until: int | None
    ) -> bool:
        origin = sent = coverage.origin
        opened_at = self.now
        told = coverage.acknowledgements
        while until is None or self.now < until:
            self.now += STEP
            allowed = round(PACES[0].allowance((self.now - opened_at) / 1000) * SAMPLE_RATE)
            position = min(self._total, self.now * MS, origin + allowed, sent + SAMPLE_RATE)
            if position > sent:
                sent = position
                service.take(sent, self.now)
                coverage.sent(sent, self._seconds)
            for message in service.acknowledge(self.now):
                if isinstance(message, Heartbeat):
                    told.take_heartbeat(message, self._seconds)
                else:
                    told.take_silence(message, self._seconds)
            self._hear(service, coverage)
            covered = coverage.covered(self._seconds)
            self._check(covered, sent)
            is_deaf = told.are_given and told.is_deaf(covered.position, self._seconds)
            if told.missing_for(self._seconds) or is_deaf:
                told.note_end(covered.position, self._seconds, heard=is_deaf)
                return False
            if sent == self._total and not told.must_wait(self._seconds):
                return self._terminate(service, coverage)
        told.note_end(coverage.covered(self._seconds).position, self._seconds, heard=False)
        return False

    def _terminate(self, service: AcknowledgingService, coverage: Coverage) -> bool:
        for turn in service.terminate(self.now):
            coverage.heard(turn, self._seconds)
            if turn.finished:
                self.record.keep(coverage.origin, turn, coverage.covered(self._seconds))
        if not coverage.terminated(self._seconds):
            told = coverage.acknowledgements
            told.note_end(coverage.covered(self._seconds).position, self._seconds, heard=True)
            return False
        return True

    def _hear(self, service: AcknowledgingService, coverage: Coverage) -> None:
        for turn in service.hear(self.now):
            coverage.heard(turn, self._seconds)
            if turn.finished:
                self.record.keep(coverage.origin, turn, coverage.covered(self._seconds))

    def _check(self, covered: Covered, sent: int) -> None:
        """Check that a crash at this moment neither loses nor doubles a word."""
        assert covered.position <= sent
        kept = " ".join(
            text for key, text in sorted(self.record.turns.items()) if key < covered.key
        )
        position = covered.position
        assert kept.split() == [word.text for word in self.words if word.end * MS <= position]
        assert not [w for w in self.words if w.start * MS < position < w.end * MS]


def assert_all_is_heard_once(session: DeafenedSession, drops: list[int]) -> None:
    """Connect until all is covered, at first with these milliseconds between drops."""
    failures, connections, complete = 0, 0, False
    while not complete:
        until = session.now + drops.pop() if drops else None
        complete = session.connect(until)
        failures = 0 if session.covered.position > session.sent_again[-1] else failures + 1
        session.now += RECONNECT * 2 ** min(failures, 6)
        connections += 1
        assert connections < MOST_CONNECTIONS
    assert session.record.words == [word.text for word in session.words]


short_gaps = st.sampled_from([60, 150, 300, 400, 450, 600, 900, 1500])
all_gaps = st.sampled_from([60, 400, 600, 1500, 4000, 9000, 45_000])
drops = st.lists(st.integers(min_value=0, max_value=40_000), max_size=3)
seeds = st.integers(min_value=0, max_value=2**32)


@seed(3)
@settings(deadline=None, max_examples=40, database=None)
@given(
    st.lists(short_gaps, min_size=30, max_size=100),
    st.integers(min_value=6_000, max_value=30_000),
    st.integers(min_value=20_000, max_value=70_000),
    st.sampled_from(["go on", "stand still", "stop"]),
    st.booleans(),
    drops,
    seeds,
)
def test_no_word_is_lost_or_doubled_by_a_deaf_service(
    gaps: list[int],
    deaf_from: int,
    deaf_for: int,
    heartbeats: Heartbeats,
    tells_silence: bool,
    drops: list[int],
    seed: int,
) -> None:
    words = said(gaps)
    assume(deaf_from + NOTICED <= words[-1].end)
    deafness = Deafness(deaf_from, deaf_from + deaf_for, heartbeats)
    session = DeafenedSession(words, random.Random(seed), deafness, tells_silence=tells_silence)
    assert_all_is_heard_once(session, drops)


@seed(3)
@settings(deadline=None, max_examples=40, database=None)
@given(st.lists(all_gaps, min_size=10, max_size=50), st.booleans(), drops, seeds)
def test_no_word_is_lost_or_doubled_by_a_service_that_acknowledges(
    gaps: list[int], tells_silence: bool, drops: list[int], seed: int
) -> None:
    session = DeafenedSession(said(gaps), random.Random(seed), NEVER, tells_silence=tells_silence)
    drops_before = len(drops)
    assert_all_is_heard_once(session, drops)
    assert len(session.sent_again) <= 2 * drops_before + 1
