"""Acknowledgements of one connection's audio: what the service received, and where nobody spoke.

A `Heartbeat` acknowledges that audio has arrived, and says whether there was speech in it. A
`Silence` acknowledges that nobody spoke. Where the service heard words, neither is needed. All
other audio is a hole: the service may be deaf for it. All positions are samples from the session's
start, all times are monotonic seconds.
"""

import copy
import itertools
from collections.abc import Iterable, Iterator

from appliance.core.audio_format import SAMPLE_RATE
from appliance.streaming.heartbeat_windows import Window, Windows
from appliance.streaming.intervals import Interval, IntervalSet, SendingTimes, gaps
from appliance.streaming.messages import Heartbeat, Silence
from appliance.streaming.suspect_audio import LONGEST_TURN_TIMEOUT, TURN_TIMEOUT, SuspectAudio

TOLERANCE = SAMPLE_RATE
"""Samples beyond what was sent that may be acknowledged: a frame arrives before it is noted."""

ACKNOWLEDGEMENT_TIMEOUT = 12.0
"""Seconds in which a heartbeat acknowledges what was sent: two of them, and some time to travel."""

SUSPECT_AFTER = 6.0
"""Seconds after which audio without words is suspect on a connection that ends.

A word in the window before may hide the first five seconds of a deafness that lasts for
`ACKNOWLEDGEMENT_TIMEOUT`.
"""

LONGEST_PAUSE = 6 * SAMPLE_RATE
"""Samples between words that need no acknowledgement: the next heartbeat may not be due yet."""

ONSET = SAMPLE_RATE // 2
"""Samples in which the beginning of a word may not pass for speech yet, and its end still may."""

OVERLAP = SAMPLE_RATE * 7 // 10
"""Samples of speech that a silence may reach into, and the error of word times."""

SILENCE_SETTLES = 3.0
"""Seconds after which a silence counts, where turns are not late."""

MAX_SHIFT = SAMPLE_RATE // 2
"""Samples by which a heartbeat may say of other audio than it acknowledges that it was speech."""


class Acknowledgements:
    """What the service said about one connection's audio.

    Values that can't be are ignored: of audio that was not sent, or less than was acknowledged.

        >>> acknowledgements = Acknowledgements(origin=0, opened_at=0.0)
        >>> acknowledgements.sent(80_000, now=5.0)
        >>> acknowledgements.take_heartbeat(Heartbeat(5_000, speech=0.9), now=5.0)
        >>> acknowledgements.hole(0, 80_000, now=6.0)
        (0, 80000)
        >>> acknowledgements.take_word(16_000, 24_000, now=6.0)
        >>> acknowledgements.hole(0, 80_000, now=6.0)

    Args:
        origin: the position where the connection's audio starts.
        opened_at: when the connection opened.
        expected: whether the service has sent heartbeats on an earlier connection.
        suspect: what earlier connections may have been deaf for.
    """

    def __init__(
        self,
        origin: int,
        opened_at: float,
        *,
        expected: bool = False,
        suspect: SuspectAudio | None = None,
    ) -> None:
        self._origin = origin
        self._opened_at = opened_at
        self._expected = expected
        self._suspect = suspect or SuspectAudio()
        self._earlier = copy.copy(self._suspect)  # what this connection notes holds for later ones
        self._times = SendingTimes(origin, opened_at)
        self._windows = Windows(origin, opened_at)
        self._silences = IntervalSet()
        self._words = IntervalSet()
        self._first_word: int | None = None
        self._last_word = self._furthest = origin
        self._heard_at = opened_at
        self._is_suspect = self._earlier.concerns((origin, origin + 1))
        self._lag = 0.0
        self._tells_silence = False
        self.has_heartbeats = False
        """Whether the service sends heartbeats on this connection."""

    @property
    def are_given(self) -> bool:
        """Whether the service acknowledges audio; else only time tells what was silence."""
        return self.has_heartbeats or self._tells_silence or self._expected

    # What happens

    def sent(self, position: int, now: float) -> None:
        """Note that audio up to this position was handed to the network."""
        self._times.note(position, now)

    def take_heartbeat(self, heartbeat: Heartbeat, now: float) -> None:
        """Take what the service has received, and whether there was speech in it."""
        position = self._origin + heartbeat.received * SAMPLE_RATE // 1000
        if self._windows.end <= position <= self._times.sent + TOLERANCE:
            self.has_heartbeats = True
            self._windows.add(min(position, self._times.sent), now, heartbeat.speech or 0.0)

    def take_silence(self, silence: Silence, now: float) -> None:
        """Take an interval in which nobody spoke."""
        start = self._origin + silence.start * SAMPLE_RATE // 1000
        end = self._origin + silence.end * SAMPLE_RATE // 1000
        if end <= self._times.sent + TOLERANCE:
            self._tells_silence = True
            self._silences.add(start, min(end, self._times.sent))
            self._note_hearing(end, now)

    def take_word(self, start: int, end: int, now: float) -> None:
        """Take a place where the service heard a word."""
        if self._first_word is None or start < self._first_word:
            self._first_word = start
        self._words.add(start - ONSET, end + ONSET)
        self._note_hearing(end, now)
        if end > self._last_word:
            self._last_word = end
            lag = now - self._times.time_of(end)
            self._lag = min(max(self._lag, lag), LONGEST_TURN_TIMEOUT)

    def _note_hearing(self, position: int, now: float) -> None:
        """Note that the service listens at this moment: it tells of audio not told of before."""
        if position > self._furthest:
            self._furthest, self._heard_at = position, now

    def forget(self, position: int) -> None:
        """Forget what is before a position that is covered, but for some time."""
        self._suspect.settle(position, heard=self._words.overlaps(*self._suspect.interval))
        before = position - round(2 * TURN_TIMEOUT * SAMPLE_RATE)
        for noted in (self._words, self._silences, self._times, self._windows):
            noted.forget(before)

    # What follows

    def must_wait(self, now: float) -> bool:
        """Return whether more must be acknowledged before the service is asked to terminate.

        That is so where an earlier connection may have been deaf: else a service that still is so
        would have nothing to say.
        """
        is_due = now - self._windows.ended_at < ACKNOWLEDGEMENT_TIMEOUT
        is_suspect = self._is_suspect and self.are_given
        return is_suspect and is_due and self._windows.end < self._times.sent - ONSET

    def last_hole(self, start: int, now: float) -> Interval | None:
        """Return where the service was deaf first from a position on, once it has terminated."""
        hole = self.hole(start, self._times.sent, now)
        is_due = now - self._windows.ended_at < ACKNOWLEDGEMENT_TIMEOUT
        if hole and hole[1] > self._windows.end and is_due and not self._is_suspect:
            return self.hole(start, self._windows.end, now)  # there was no time for a heartbeat
        return hole

    def hole(self, start: int, end: int, now: float) -> Interval | None:
        """Return where the service may be deaf first, between two positions."""
        for found in self._holes(start, end):
            hole = self._earlier.without_noise(found, now, hears=self._hears_after(found))
            if hole[1] - hole[0] > ONSET:
                return hole
        return None

    def silent_until(self, position: int, now: float) -> int:
        """Return the position up to which all audio from a position on was silence.

        A backlog is sent faster than it is heard: audio counts as heard once the connection has
        been open for as long as the audio lasts.
        """
        if not self.are_given:
            long_ago = now - TURN_TIMEOUT
            return min(self._times.sent_before(long_ago), self._heard_by(long_ago))
        hole = self.hole(position, self._times.sent, now)
        limit = hole[0] if hole else self._times.sent
        find = self._silence if self._tells_silence else self._quiet
        return max(position, find(position, limit, now))

    def missing_for(self, now: float) -> float:
        """Return the seconds since an acknowledgement, where audio sent long ago has none; or 0."""
        if not (self.has_heartbeats or self._expected):
            return 0.0
        long_ago = now - ACKNOWLEDGEMENT_TIMEOUT
        unacknowledged = self._times.sent_before(long_ago) - self._windows.end
        is_missing = self._windows.ended_at < long_ago and unacknowledged > TOLERANCE
        return now - self._windows.ended_at if is_missing else 0.0

    def is_deaf(self, position: int, now: float) -> bool:
        """Return whether no turn will come of a hole after a position: it is too old.

        What is heard again waits no longer than a turn that came takes.
        """
        if (hole := self.hole(position, self._times.sent, now)) is None:
            return False
        age = self._earlier.turn_timeout + self._lag
        if self._earlier.concerns(hole) and self._hears_after(hole):
            age = SILENCE_SETTLES + 2 * self._lag
        return self._is_old(hole, now - age)

    def note_end(self, position: int, now: float, *, heard: bool) -> None:
        """Note what must be heard again after a connection that covered audio up to a position.

        `heard` says that the service had the time that it needs. Without it, words that were merely
        on their way are no reason to send it again.
        """
        holes = list(self._holes(position, self._times.sent))
        old = self._times.sent_before(now - SUSPECT_AFTER)
        if holes and (heard or self.missing_for(now) or holes[0][0] < old):
            hears = self._hears_after(holes[0])
            self._suspect.note((position, holes[-1][1]), now, heard=heard, hears=hears)

    def _holes(self, start: int, end: int) -> Iterator[Interval]:
        windows = self._windows.within(start, end)
        unexplained = (it for it in windows if it.speech and not self._is_explained(it))
        told_speech = [(it.start, it.end) for it in unexplained]
        accounted = list(self._words.within(start, end))
        for first, last in self._silences.within(start, end):
            # The first one may reach into speech from before the service began to hear.
            hides_speech = first > self._origin and self._is_before_words(first)
            accounted += gaps(first + OVERLAP * hides_speech, last, told_speech)
        if not self._tells_silence:
            accounted += itertools.chain.from_iterable(map(self._silent_parts, windows))
        for hole in gaps(start, end, accounted):
            told = any(first < hole[1] and hole[0] < last for first, last in told_speech)
            shortest = ONSET if told else LONGEST_PAUSE
            if self._is_before_words(hole[0]):
                shortest = ONSET // 2  # of which half may belong to the first word
            if hole[1] - hole[0] > shortest:
                yield hole

    def _is_before_words(self, position: int) -> bool:
        """Return whether the service may have begun to hear after a position.

        A backlog is sent so fast that a service may be deaf for only the beginning of it.
        """
        return self._is_suspect and (self._first_word is None or position < self._first_word)

    def _silent_parts(self, window: Window) -> Iterable[Interval]:
        """Return where nobody spoke in a window, as far as is known: words explain its speech."""
        if not window.speech:
            return [(window.start, window.end)]
        if not self._is_explained(window):
            return []
        start = window.start
        if self._is_before_words(start) and self._first_word is not None:
            start = self._first_word
        return [(start, window.end)]

    def _is_explained(self, window: Window) -> bool:
        """Return whether the speech in a window has become words."""
        late = min(round(self._lag * SAMPLE_RATE), MAX_SHIFT)
        return self._words.overlaps(window.start - late, window.end + late)

    def _is_old(self, hole: Interval, time: float) -> bool:
        """Return whether a service that keeps up has heard a hole, or enough of it, by a time."""
        old = min(self._times.sent_before(time), self._heard_by(time))
        return min(hole[1], hole[0] + LONGEST_PAUSE) <= old

    def _hears_after(self, hole: Interval) -> bool:
        """Return whether words were heard that were sent with the end of a hole."""
        following = next(self._words.within(hole[1], self._times.sent + TOLERANCE), None)
        return following is not None and self._times.are_together(hole[1], following[0])

    def _silence(self, position: int, limit: int, now: float) -> int:
        """Return where the silences end that follow each other from a position on.

        Two may hide a short word between them, so they wait for its turn, and no longer than the
        service listens: one that goes deaf forgets the turns that it was about to send. How late
        turns are is known once one has come.
        """
        old = self._times.sent_before(now - TURN_TIMEOUT)
        end = position
        for first, last in self._silences.within(position, limit):
            pause = first - end
            if pause > SAMPLE_RATE and (pause > LONGEST_PAUSE or first > old):
                break  # somebody may have spoken there
            end = min(max(end, last), limit)
        settles = SILENCE_SETTLES + 2 * self._lag if self._first_word is not None else TURN_TIMEOUT
        listened_until = min(now, self._heard_at)
        if limit < self._times.sent:
            listened_until = min(listened_until, self._times.time_of(limit))
        return min(end - OVERLAP, self._times.sent_before(listened_until - settles))

    def _quiet(self, position: int, limit: int, now: float) -> int:
        """Return where the last window without speech ends that had time to bring a turn."""
        long_ago = now - TURN_TIMEOUT
        last = min(limit, self._heard_by(long_ago))
        end = self._windows.last_quiet_end(last, by=long_ago)
        return position if end is None else end - ONSET

    def _heard_by(self, time: float) -> int:
        """Return the position that a service has heard which keeps up with real time."""
        return self._origin + round((time - self._opened_at) * SAMPLE_RATE)
