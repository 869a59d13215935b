from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.servers.local_service.engines.base import HeardWord
from appliance.servers.local_service.turn_detector import (
    SILENCE_MS,
    DetectorEvent,
    Pauses,
    SilenceDetected,
    SpeechDetected,
    TurnDetector,
    TurnUpdate,
    end_of_turn_confidence,
)

MS = 32


def voice(milliseconds: int) -> bytes:
    return b"\x01\x01" * (16 * milliseconds)


def silence(milliseconds: int) -> bytes:
    return bytes(MS * milliseconds)


def has_voice(pcm: bytes) -> bool:
    return any(pcm)


class CountingRecognizer:
    """A recognizer with a word for each 100 ms of voice, unless deaf; it records its calls."""

    lag = 0

    def __init__(self, *, deaf: bool = False) -> None:
        self.utterances: list[bytes] = []
        self.favoured: list[tuple[int, Sequence[str]]] = []
        self._deaf = deaf
        self._pcm = b""

    def hear(self, pcm: bytes) -> list[HeardWord]:
        self._pcm += pcm
        return self._words()

    def finish(self) -> list[HeardWord]:
        words = self._words()
        self.utterances.append(self._pcm)
        self._pcm = b""
        return words

    def favour(self, terms: Sequence[str]) -> None:
        assert not self._pcm, "an utterance has not ended"
        self.favoured.append((len(self.utterances), terms))

    def close(self) -> None:
        pass

    def _words(self) -> list[HeardWord]:
        if self._deaf:
            return []
        pieces = range(0, len(self._pcm) // MS, 100)
        return [
            HeardWord(f"w{at}", at, at + 100)
            for at in pieces
            if self._pcm[at * MS : (at + 100) * MS].count(1) > 100 * MS // 4
        ]


def listen(
    audio: bytes,
    recognizer: CountingRecognizer | None = None,
    pauses: Pauses = Pauses(),  # noqa: B008 - immutable
    piece: int = 3200,
) -> list[DetectorEvent]:
    listener = TurnDetector(recognizer or CountingRecognizer(), has_voice, pauses)
    heard: list[DetectorEvent] = []
    for start in range(0, len(audio), piece):
        heard += listener.hear(audio[start : start + piece])
    return heard + list(listener.end_turn())


def finished(heard: list[DetectorEvent]) -> list[TurnUpdate]:
    return [event for event in heard if isinstance(event, TurnUpdate) and event.finished]


def test_a_pause_ends_a_turn() -> None:
    heard = finished(listen(voice(1000) + silence(600) + voice(1000) + silence(600)))
    assert [turn.order for turn in heard] == [0, 1]


def test_a_breath_does_not_end_a_turn() -> None:
    assert len(finished(listen(voice(1000) + silence(300) + voice(1000)))) == 1


def test_the_shortest_pause_can_be_longer() -> None:
    audio = voice(1000) + silence(600) + voice(1000)
    assert len(finished(listen(audio, pauses=Pauses(shortest=800)))) == 1


@pytest.mark.parametrize("piece", [2, 1602, 32_000, 10_000_000])
def test_the_length_of_pieces_does_not_matter(piece: int) -> None:
    audio = silence(730) + voice(1010) + silence(600) + voice(470)
    if piece == 2:
        audio = audio[: 20_000 * 2]
    assert listen(audio, piece=piece) == listen(audio)


@pytest.mark.parametrize("length", [120, 470, 1000, 1030])
def test_a_stream_without_pauses_is_recognized_to_its_last_sample(length: int) -> None:
    recognizer = CountingRecognizer()
    listen(voice(length), recognizer)
    assert recognizer.utterances == [voice(length)]


def test_audio_just_before_a_voice_belongs_to_its_turn() -> None:
    recognizer = CountingRecognizer()
    listen(silence(2000) + voice(1000) + silence(600), recognizer)
    assert recognizer.utterances[0].startswith(silence(300))
    assert recognizer.utterances[0].count(1) == len(voice(1000))


def test_no_voice_is_lost_between_two_turns() -> None:
    recognizer = CountingRecognizer()
    audio = (voice(1000) + silence(410)) * 5
    listen(audio, recognizer)
    assert sum(pcm.count(1) for pcm in recognizer.utterances) == audio.count(1)


def test_word_times_are_those_of_the_stream() -> None:
    (turn,) = finished(listen(silence(5000) + voice(1000) + silence(600)))
    assert turn.words[0].start == pytest.approx(5000, abs=200)
    assert turn.words[-1].end == pytest.approx(6000, abs=200)


def test_no_word_ends_after_the_stream() -> None:
    (turn,) = finished(listen(voice(1030)))
    assert all(word.end <= 1030 for word in turn.words)


def test_there_is_a_partial_every_100_ms_of_speech() -> None:
    heard = listen(voice(3000))
    partials = [event for event in heard if isinstance(event, TurnUpdate) and not event.finished]
    assert len(partials) >= 28


def test_speech_is_reported_before_its_words() -> None:
    heard = listen(silence(1000) + voice(1000))
    assert isinstance(heard[0], SpeechDetected)
    assert heard[0].position == pytest.approx(1000, abs=200)


def test_a_click_is_not_speech() -> None:
    heard = listen(silence(1000) + voice(40) + silence(1000))
    assert {type(event) for event in heard} == {SilenceDetected}


def test_noise_without_words_is_no_turn() -> None:
    recognizer = CountingRecognizer(deaf=True)
    heard = listen(voice(6000), recognizer)
    assert not [event for event in heard if isinstance(event, TurnUpdate)]
    assert len(recognizer.utterances) > 1, "the lack of words ended the utterance"


def test_a_long_turn_ends_at_the_first_breath_after_20_s() -> None:
    audio = voice(21_000) + silence(200) + voice(1000)
    assert len(finished(listen(audio))) == 2


def test_a_turn_is_never_longer_than_a_minute() -> None:
    recognizer = CountingRecognizer()
    assert len(finished(listen(voice(61_000), recognizer))) == 2
    assert b"".join(recognizer.utterances) == voice(61_000)


def test_end_turn_works_within_a_word() -> None:
    listener = TurnDetector(CountingRecognizer(), has_voice, Pauses())
    list(listener.hear(voice(950)))
    assert finished(list(listener.end_turn()))[0].order == 0
    list(listener.hear(voice(950)))
    assert finished(list(listener.end_turn()))[0].order == 1


def test_end_turn_in_silence_does_nothing() -> None:
    listener = TurnDetector(CountingRecognizer(), has_voice, Pauses())
    list(listener.hear(silence(950)))
    assert list(listener.end_turn()) == []


# Confidence of the end


@pytest.mark.parametrize(
    ("confidence", "ends_after"), [(0.0, 400), (0.4, 400), (0.9, 400), (0.91, 1300), (1.0, 1300)]
)
def test_below_the_confidence_threshold_a_turn_needs_the_longest_silence(
    confidence: float, ends_after: int
) -> None:
    listener = TurnDetector(CountingRecognizer(), has_voice, Pauses(confidence=confidence))
    list(listener.hear(voice(1000)))
    for after in range(100, 2000, 100):
        if finished(list(listener.hear(silence(100)))):
            assert after == ends_after
            break
    else:
        pytest.fail("the turn never ended")


def test_the_end_confidence_grows_with_the_silence() -> None:
    heard = listen(voice(1000) + silence(600))
    confidences = [event.end_confidence for event in heard if isinstance(event, TurnUpdate)]
    assert confidences[5] == 0
    assert confidences[-5:] == sorted(confidences[-5:])
    assert confidences[-1] == 0.9


@pytest.mark.parametrize("pauses", [Pauses(shortest=0), Pauses(longest=0), Pauses(0, 0, 0.0)])
def test_a_turn_does_not_end_during_speech(pauses: Pauses) -> None:
    assert len(finished(listen(voice(3000) + silence(500) + voice(1000), pauses=pauses))) == 2


# Changes


def test_pauses_can_change_during_a_turn() -> None:
    listener = TurnDetector(CountingRecognizer(), has_voice, Pauses(shortest=5000, longest=5000))
    list(listener.hear(voice(1000) + silence(1000)))
    listener.pauses = Pauses()
    assert finished(list(listener.hear(silence(100))))


def test_the_voice_detector_can_change_during_a_stream() -> None:
    listener = TurnDetector(CountingRecognizer(), lambda _: False, Pauses())
    assert not list(listener.hear(voice(1000)))
    listener.has_voice = has_voice
    assert list(listener.hear(voice(1000)))


def test_terms_are_favoured_at_once_in_silence() -> None:
    recognizer = CountingRecognizer()
    listener = TurnDetector(recognizer, has_voice, Pauses())
    list(listener.hear(silence(1000)))
    listener.favour(["a term"])
    assert recognizer.favoured == [(0, ["a term"])]


def test_terms_set_during_a_turn_are_favoured_from_the_next_one_on() -> None:
    recognizer = CountingRecognizer()
    listener = TurnDetector(recognizer, has_voice, Pauses())
    list(listener.hear(voice(1000)))
    listener.favour(["a term"])
    listener.favour(["another"])
    assert recognizer.favoured == []
    list(listener.hear(silence(600)))
    assert recognizer.favoured == [(1, ["another"])]


class LaggingRecognizer(CountingRecognizer):
    """A recognizer that knows no word before the end."""

    def __init__(self) -> None:
        super().__init__()
        self.lag = 0

    def hear(self, pcm: bytes) -> list[HeardWord]:
        super().hear(pcm)
        self.lag += len(pcm) // MS
        return []

    def finish(self) -> list[HeardWord]:
        self.lag = 0
        return super().finish()


def test_a_lagging_recognizer_does_not_end_a_turn_early() -> None:
    recognizer = LaggingRecognizer()
    heard = finished(listen(voice(5000) + silence(600), recognizer))
    assert len(heard) == len(recognizer.utterances) == 1


def test_a_pause_ends_a_turn_of_which_a_lagging_recognizer_knows_no_word() -> None:
    audio = voice(1000) + silence(600) + voice(1000) + silence(600)
    assert len(finished(listen(audio, LaggingRecognizer()))) == 2


# Silence


def silences(heard: list[DetectorEvent]) -> list[tuple[int, int]]:
    return [(event.start, event.end) for event in heard if isinstance(event, SilenceDetected)]


def test_silence_is_reported_about_once_a_second_and_short_of_a_possible_turn() -> None:
    assert silences(listen(silence(3600))) == [(0, 1000), (1000, 2000), (2000, 3000)]


def test_silence_goes_on_after_the_last_word_of_a_turn() -> None:
    heard = listen(voice(1000) + silence(2500))
    (last,) = finished(heard)
    assert silences(heard)[0][0] == last.words[-1].end == 1000


def test_a_noise_without_words_is_silence() -> None:
    heard = listen(voice(2000) + silence(2500), CountingRecognizer(deaf=True))
    start, end = silences(heard)[0]
    assert start == 0
    assert end > 2000


@given(st.lists(st.tuples(st.sampled_from("vs"), st.integers(1, 20)), max_size=7))
@settings(max_examples=40, deadline=None)
def test_no_word_lies_in_a_reported_silence(parts: list[tuple[str, int]]) -> None:
    audio = b"".join((voice if kind == "v" else silence)(100 * steps) for kind, steps in parts)
    told = 0
    words: list[HeardWord] = []
    for event in listen(audio):
        if isinstance(event, SilenceDetected):
            assert event.start >= told, "it does not overlap the one before"
            assert event.end - event.start >= SILENCE_MS
            assert not [w for w in words if w.start < event.end and w.end > event.start]
            told = event.end
        elif isinstance(event, TurnUpdate):
            assert all(word.start >= told for word in event.words), "no later turn reaches back"
            words += event.words if event.finished else ()


# End-of-turn confidence


@pytest.mark.parametrize("text", ["i will call the doctor", "turn it on", "yes", "what is that"])
def test_the_confidence_of_a_complete_turn_is_above_the_default_threshold(text: str) -> None:
    assert end_of_turn_confidence(text.split(), 1.0) > 0.4


@pytest.mark.parametrize("text", ["i will call the", "yes and", "the keys of", "without", "a"])
def test_the_confidence_of_an_incomplete_turn_is_below_the_default_threshold(text: str) -> None:
    assert 0 < end_of_turn_confidence(text.split(), 1.0) < 0.4


def test_the_confidence_without_words_is_below_the_default_threshold() -> None:
    assert end_of_turn_confidence([], 1.0) < 0.4


def test_without_silence_the_confidence_is_0() -> None:
    assert end_of_turn_confidence(["yes"], 0.0) == 0


def test_the_confidence_grows_with_the_silence() -> None:
    grown = [end_of_turn_confidence(["yes"], share / 4) for share in range(5)]
    assert grown == sorted(set(grown))
