import numpy as np
import pytest

from tests.benchmarks.local_figures import end_delays, first_word_delay, gaps, share, transcript
from tests.benchmarks.local_speech import spaced
from tests.benchmarks.local_stream import Answer


def turn(at: float, text: str, *, order: int = 0, end: int = 0, finished: bool = False) -> Answer:
    words = [{"text": word, "end": end} for word in text.split()]
    message = {"type": "Turn", "turn_order": order, "transcript": text, "words": words}
    return Answer(at, {**message, "end_of_turn": finished})


ANSWERS = [
    Answer(0, {"type": "Begin"}),
    Answer(500, {"type": "SpeechStarted"}),
    turn(600, ""),
    turn(700, "one"),
    turn(850, "one"),
    turn(1000, "one two", end=900),
    turn(3000, "one two", end=900, finished=True),
    turn(5000, "three", order=1),
    turn(5400, "three", order=1, end=5500),
    turn(7000, "three", order=1, end=5500, finished=True),
]


def test_what_was_said_is_what_the_finished_turns_say() -> None:
    assert transcript(ANSWERS) == "one two three"


def test_the_first_word_counts_even_when_it_may_still_change() -> None:
    assert first_word_delay(ANSWERS, 450) == 250


def test_gaps_are_those_while_one_speaks() -> None:
    assert gaps(ANSWERS) == [100, 150, 150, 400, 1600]


def test_an_end_is_measured_from_the_silence_before_it() -> None:
    assert end_delays(ANSWERS, [1700, 5600]) == [1300, 1400]


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 3), (95, 5), (100, 5)])
def test_a_share_of_values_is_not_exceeded(percent: int, value: int) -> None:
    assert share([5, 3, 1, 2, 4], percent) == value


def test_sentences_are_put_apart_and_their_places_returned() -> None:
    tone = np.ones(1600, np.int16)
    quiet = np.zeros(16 * 700, np.int16)
    breath = np.zeros(16 * 100, np.int16)
    speech = spaced(np.concatenate([quiet, tone, breath, tone, quiet, tone, quiet]), "a b", 2000)
    assert speech.starts == [2000, 4300]
    assert speech.silences == [2300, 4400]
    assert speech.seconds == pytest.approx(6.4)
    assert np.frombuffer(speech.pcm, "<i2").nonzero()[0][0] == 2000 * 16
