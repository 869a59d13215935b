from hypothesis import given
from hypothesis import strategies as st

from appliance.core.audio_format import SAMPLE_RATE
from appliance.streaming.acknowledgements import (
    ACKNOWLEDGEMENT_TIMEOUT,
    OVERLAP,
    SILENCE_SETTLES,
    Acknowledgements,
)
from appliance.streaming.messages import Heartbeat, Silence
from appliance.streaming.suspect_audio import SUSPECT_FOR, TURN_TIMEOUT, SuspectAudio

ORIGIN = 5 * SAMPLE_RATE
MS = SAMPLE_RATE // 1000
QUIET, LOUD = 0.02, 0.97


def position(seconds: float) -> int:
    return ORIGIN + round(seconds * SAMPLE_RATE)


class Told:
    """Acknowledgements of a connection, opened at 0, to which audio is sent as it is spoken."""

    def __init__(self, *, expected: bool = False, suspect: SuspectAudio | None = None) -> None:
        self.about = Acknowledgements(ORIGIN, 0.0, expected=expected, suspect=suspect)
        self.now = 0.0

    def speak(self, until: float, *, speech: float | None = QUIET, beats: bool = True) -> "Told":
        """Send audio up to a second, with a heartbeat every five."""
        while self.now < until:
            self.now += 1.0
            self.about.sent(position(self.now), self.now)
            if beats and self.now % 5 == 0:
                self.beat(speech)
        return self

    def beat(self, speech: float | None = QUIET, received: float | None = None) -> "Told":
        received = self.now if received is None else received
        self.about.take_heartbeat(Heartbeat(round(received * 1000), speech=speech), self.now)
        return self

    def word(self, start: float, end: float) -> "Told":
        self.about.take_word(position(start), position(end), self.now)
        return self

    def silence(self, start: float, end: float) -> "Told":
        self.about.take_silence(Silence(round(start * 1000), round(end * 1000)), self.now)
        return self

    @property
    def hole(self) -> tuple[float, float] | None:
        found = self.about.hole(ORIGIN, position(self.now), self.now)
        return found and ((found[0] - ORIGIN) / SAMPLE_RATE, (found[1] - ORIGIN) / SAMPLE_RATE)

    def silent_from(self, start: float) -> float:
        return (self.about.silent_until(position(start), self.now) - ORIGIN) / SAMPLE_RATE

    @property
    def silent_until(self) -> float:
        return self.silent_from(0)


def test_without_acknowledgements_only_time_tells_what_was_silence() -> None:
    told = Told().speak(40, beats=False)
    assert not told.about.are_given
    assert told.silent_until == 40 - TURN_TIMEOUT - 1


def test_audio_without_speech_is_silence_once_turns_had_their_time() -> None:
    told = Told().speak(34)
    assert told.silent_until == 0
    assert told.speak(51).silent_until == 19.5


def test_a_heartbeat_that_does_not_speak_of_speech_tells_none() -> None:
    assert Told().speak(51, speech=None).silent_until == 19.5


def test_speech_without_words_is_no_silence() -> None:
    told = Told().speak(10).speak(15, speech=LOUD).speak(100)
    assert told.silent_until == 9.5
    assert told.hole == (10, 15)
    assert told.word(12, 12.4).hole is None


def test_unacknowledged_audio_is_no_silence() -> None:
    told = Told().speak(10).speak(100, beats=False)
    assert told.hole == (10, 100)
    assert told.silent_until == 9.5


def test_what_a_silence_covers_is_silence_at_once_where_turns_are_not_late() -> None:
    told = Told().speak(2).word(1, 2).speak(20).silence(2, 20)
    assert told.silent_from(2) == 20 - SILENCE_SETTLES - 1
    assert told.speak(24).word(23, 24).silent_from(2) == 20 - OVERLAP / SAMPLE_RATE


def test_silences_wait_as_long_as_turns_are_late() -> None:
    told = Told().speak(7).word(1, 2).speak(20).silence(2, 20)
    assert told.silent_from(2) == 20 - SILENCE_SETTLES - 2 * 5 - 1


def test_between_silences_somebody_may_have_spoken() -> None:
    told = Told().speak(2).word(1, 2).speak(40).silence(2, 10).silence(18, 40).speak(75)
    assert told.silent_from(2) == 10 - SILENCE_SETTLES - 1
    assert told.hole == (10, 18)


def test_where_silences_are_told_a_heartbeat_alone_is_none() -> None:
    told = Told().speak(5).silence(0, 5).speak(60)
    assert told.hole == (5, 60)


def test_acknowledgements_are_missing_when_they_stop_or_stand_still() -> None:
    told = Told().speak(20)
    assert not told.about.missing_for(20.0)
    told.speak(20 + ACKNOWLEDGEMENT_TIMEOUT, beats=False)
    assert not told.about.missing_for(told.now)
    told.beat(received=20).speak(told.now + 4, beats=False)
    assert told.about.missing_for(told.now) == told.now - 20


def test_acknowledgements_are_not_missing_while_nothing_is_sent() -> None:
    assert not Told().speak(20).about.missing_for(500.0)


def test_acknowledgements_are_missing_only_of_a_service_that_gives_them() -> None:
    assert not Told().speak(60, beats=False).about.missing_for(60.0)
    assert Told(expected=True).speak(60, beats=False).about.missing_for(60.0)


def test_a_service_that_is_merely_late_is_not_deaf() -> None:
    told = Told().speak(25, speech=LOUD)
    assert not told.about.is_deaf(ORIGIN, 25.0)
    for second in range(5):
        told.word(second, second + 0.5)
    assert not told.speak(50, speech=LOUD).about.is_deaf(position(5), 50.0)


def test_a_service_that_makes_no_words_of_speech_is_deaf() -> None:
    told = Told().speak(60, speech=LOUD)
    assert told.about.is_deaf(ORIGIN, 60.0)


def leave(suspect: SuspectAudio, *, word_after: bool) -> None:
    """Let a connection go by that told speech, from the first second to the fifth."""
    told = Told(suspect=suspect).speak(5, speech=LOUD).speak(60)
    if word_after:
        told.word(6, 6.5)
    told.about.note_end(ORIGIN, 60.0, heard=True)


def test_speech_that_two_connections_made_no_words_of_is_noise() -> None:
    suspect = SuspectAudio()
    leave(suspect, word_after=True)
    told = Told(suspect=suspect).speak(5, speech=LOUD).speak(10)
    assert told.hole == (0, 5)
    assert told.word(6, 6.5).hole is None


def test_speech_stays_suspect_where_the_service_may_be_deaf_for_longer() -> None:
    suspect = SuspectAudio()
    leave(suspect, word_after=False)
    told = Told(suspect=suspect).speak(5, speech=LOUD).speak(9).word(6, 6.5)
    assert told.hole == (0, 5.5)


def test_speech_without_words_is_noise_after_a_while() -> None:
    suspect = SuspectAudio()
    leave(suspect, word_after=False)
    told = Told(suspect=suspect).speak(5, speech=LOUD).speak(60 + SUSPECT_FOR + 5)
    assert told.hole is None


def test_each_time_in_vain_doubles_the_wait_until_words_come() -> None:
    suspect = SuspectAudio()
    for turn_timeout in (30.0, 60.0, 120.0):
        assert suspect.turn_timeout == turn_timeout
        leave(suspect, word_after=False)
    Told(suspect=suspect).speak(8).word(2, 2.5).about.forget(position(8))
    assert suspect.turn_timeout == TURN_TIMEOUT


impossible = st.one_of(
    st.builds(lambda ms: Heartbeat(ms, speech=QUIET), st.integers(min_value=62_000)),
    st.builds(lambda ms: Heartbeat(ms, speech=QUIET), st.integers(0, 59_999)),
    st.builds(
        lambda start, length: Silence(start, 62_000 + start + length),
        st.integers(min_value=0),
        st.integers(min_value=0),
    ),
)


@given(st.lists(impossible))
def test_what_cannot_be_is_ignored(messages: list[Heartbeat | Silence]) -> None:
    told = Told().speak(60)
    before = told.silent_until, told.hole
    for message in messages:
        if isinstance(message, Heartbeat):
            told.about.take_heartbeat(message, 60.0)
        else:
            told.about.take_silence(message, 60.0)
    assert (told.silent_until, told.hole) == before
