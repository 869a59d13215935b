import random

import numpy as np
import pytest
import soxr

from tests.rig.numbered import Decoder, NumberedRecognizer, Samples, Speech, numbered, speech
from tests.rig.recognizer import Message


def heard(audio: Speech, samples: Samples, frame: int = 1600) -> list[Message]:
    recognizer = numbered(audio.words)()
    pcm = samples.astype("<i2").tobytes()
    messages = []
    for start in range(0, len(pcm), frame * 2):
        messages += recognizer.hear(pcm[start : start + frame * 2])
    return messages + recognizer.finish_turn()


def words(messages: list[Message]) -> list[str]:
    finished = [m for m in messages if m["end_of_turn"] and not m["turn_is_formatted"]]
    return " ".join(m["transcript"] for m in finished).split()


def test_all_words_are_heard_in_whole_audio() -> None:
    audio = speech(words=13)
    assert words(heard(audio, audio.samples)) == audio.said


@pytest.mark.parametrize("offset", [1, 7, 79, 80, 159, 4799])
def test_words_are_heard_whatever_sample_the_capture_starts_at(offset: int) -> None:
    audio = speech(words=4)
    assert words(heard(audio, audio.samples[offset:])) == audio.said


@pytest.mark.parametrize("frame", [1, 33, 800, 16_000])
def test_frame_length_makes_no_difference(frame: int) -> None:
    audio = speech(words=2, word_ms=100, turn_gap_ms=500)
    messages = heard(audio, audio.samples, frame)
    assert messages == heard(audio, audio.samples)
    assert words(messages) == audio.said


@pytest.mark.parametrize("gain", [0.1, 0.7, 1.9])
def test_volume_makes_no_difference(gain: float) -> None:
    audio = speech(words=4)
    assert words(heard(audio, (audio.samples * gain).astype(np.int16))) == audio.said


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_words_survive_resampling_there_and_back(rate: int) -> None:
    audio = speech(words=12)
    there = soxr.resample(audio.samples, 16_000, rate)
    back = soxr.resample(there, rate, 16_000)
    assert words(heard(audio, back)) == audio.said


def test_words_survive_faint_noise() -> None:
    audio = speech(words=6)
    noise = np.random.default_rng(1).normal(0, 60, len(audio.samples))
    assert words(heard(audio, (audio.samples + noise).astype(np.int16))) == audio.said


@pytest.mark.parametrize("missing_ms", [1, 10, 100])
def test_a_word_with_a_hole_is_not_heard(missing_ms: int) -> None:
    audio = speech(words=5)
    hole = (audio.words[2].first + 9) * 160 + 3
    holed = np.delete(audio.samples, range(hole, hole + missing_ms * 16))
    assert words(heard(audio, holed)) == ["w0", "w1", "w3", "w4"]


def test_a_word_whose_middle_is_silenced_is_not_heard() -> None:
    audio = speech(words=3)
    silenced = audio.samples.copy()
    middle = (audio.words[1].first + 10) * 160
    silenced[middle : middle + 160] = 0
    assert words(heard(audio, silenced)) == ["w0", "w2"]


def test_a_word_whose_audio_comes_in_the_wrong_order_is_not_heard() -> None:
    audio = speech(words=3)
    first, _, _ = ((word.first * 160) for word in audio.words)
    swapped = audio.samples.copy()
    swapped[first : first + 1600] = audio.samples[first + 1600 : first + 3200]
    swapped[first + 1600 : first + 3200] = audio.samples[first : first + 1600]
    assert words(heard(audio, swapped)) == ["w1", "w2"]


def test_a_word_that_had_begun_before_the_connection_is_not_heard() -> None:
    audio = speech(words=3)
    within = audio.words[0].first * 160 + 400
    assert words(heard(audio, audio.samples[within:])) == ["w1", "w2"]


def test_a_word_that_lacks_ten_milliseconds_at_its_edges_is_heard() -> None:
    audio = speech(words=1)
    word = audio.words[0]
    clipped = audio.samples[word.first * 160 + 5 : (word.last + 1) * 160 - 5]
    assert words(heard(audio, clipped)) == ["w0"]


def test_a_word_cut_off_by_the_end_is_not_heard() -> None:
    audio = speech(words=2)
    assert words(heard(audio, audio.samples[: (audio.words[1].last - 3) * 160])) == ["w0"]


def test_audio_that_comes_twice_is_heard_twice() -> None:
    audio = speech(words=2)
    twice = np.concatenate([audio.samples, audio.samples])
    assert words(heard(audio, twice)) == ["w0", "w1", "w0", "w1"]


def test_pauses_of_400_ms_end_turns() -> None:
    audio = speech(words=5, turn_gap_every=2, pauses={2: 390})
    turns = [m["transcript"] for m in heard(audio, audio.samples) if m["turn_is_formatted"]]
    assert turns == ["W0 w1.", "W2 w3.", "W4."]


def test_the_word_being_spoken_is_tentative() -> None:
    audio = speech(words=2)
    messages = heard(audio, audio.samples)
    assert [m["transcript"] for m in messages] == ["", "w0", "w0", "w0 w1", "w0 w1", "W0 w1."]
    finality = [[w["word_is_final"] for w in m["words"]] for m in messages[:4]]
    assert finality == [[False], [True], [True, False], [True, True]]


def test_word_times_are_those_of_the_connection() -> None:
    audio = speech(words=1, lead_ms=500, word_ms=200)
    finished = heard(audio, audio.samples[1600:])[-1]
    assert finished["words"][0]["start"] == pytest.approx(400, abs=1)
    assert finished["words"][0]["end"] == pytest.approx(600, abs=1)


def test_long_pauses_can_be_asked_for() -> None:
    audio = speech(words=3, pauses={1: 5000})
    assert audio.words[2].first - audio.words[1].last - 1 == 500
    assert not audio.samples[(audio.words[1].last + 1) * 160 : audio.words[2].first * 160].any()


def test_no_number_is_read_from_noise() -> None:
    noise = np.random.default_rng(2).integers(-20_000, 20_000, 16_000, dtype=np.int16)
    assert list(Decoder().read(noise.tobytes())) == []


def test_audio_may_be_cut_within_a_sample() -> None:
    audio = speech(words=1)
    recognizer = numbered(audio.words)()
    assert isinstance(recognizer, NumberedRecognizer)
    chance = random.Random(3)
    rest, messages = audio.pcm, []
    while rest:
        length = chance.randint(1, 5001)
        messages += recognizer.hear(rest[:length])
        rest = rest[length:]
    assert words(messages) == ["w0"]


def test_speeches_with_numbers_of_their_own_can_be_told_apart() -> None:
    first = speech(4)
    second = speech(4, first_word=4, first_block=1000)
    new_recognizer = numbered((*first.words, *second.words))
    assert second.said == ["w4", "w5", "w6", "w7"]
    assert len(second.samples) == len(first.samples)
    recognizer = new_recognizer()
    turns = recognizer.hear(second.pcm + first.pcm) + recognizer.finish_turn()
    finished = [turn["transcript"] for turn in turns if turn["turn_is_formatted"]]
    assert finished == ["W4 w5 w6 w7.", "W0 w1 w2 w3."]
