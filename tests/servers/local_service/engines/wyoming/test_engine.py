import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from appliance.app.word_error_rate import word_error_rate
from appliance.servers.local_service.engines.base import HeardWord, RecognizerError
from appliance.servers.local_service.engines.wyoming.client import Address, WyomingServer
from appliance.servers.local_service.engines.wyoming.engine import WyomingEngine, WyomingRecognizer
from appliance.servers.local_service.engines.wyoming.liveness import Silences, SilentError
from tests.rig.clock import Clock
from tests.rig.packets import needs_vanishing
from tests.rig.waiting import wait_until
from tests.servers.local_service.engines.wyoming.wyoming_rig import WyomingRig, pocketsphinx

TENTH = b"\x00\x20\x00\xe0" * 800
"""A tenth of a second of sound."""

SECOND = 10 * TENTH


def seconds(pcm: bytes) -> str:
    """Hear as many words as there are seconds of audio."""
    return " ".join(f"word{number}" for number in range(len(pcm) // len(SECOND)))


def recognizer(
    rig: WyomingRig,
    *,
    streaming: bool = False,
    patience: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    silences: Silences | None = None,
) -> WyomingRecognizer:
    # however busy this machine is, and whatever else the rig is at
    patient = silences or Silences(least=60.0, unknown=60.0)
    server = WyomingServer(Address.parse(rig.url), answer_time=60.0, silences=patient)
    return WyomingRecognizer(
        server, streaming=streaming, patience=patience, clock=clock, sleep=sleep
    )


def speak(recognizer: WyomingRecognizer, pcm: bytes) -> None:
    for start in range(0, len(pcm), len(TENTH)):
        recognizer.hear(pcm[start : start + len(TENTH)])


def text(words: list[HeardWord]) -> str:
    return " ".join(word.text for word in words)


def lag(recognizer: WyomingRecognizer) -> int:
    """Return how much of its utterance the recognizer's words are not about by now, in ms."""
    recognizer.hear(b"")
    return recognizer.lag


# The engine


def test_an_engine_warms_up_with_a_sentence() -> None:
    with WyomingRig(seconds) as rig:
        WyomingEngine(rig.url).warm_up()
        assert rig.asked == [3 * len(SECOND)]


def test_a_server_that_can_hear_nothing_is_told_when_the_engine_warms_up() -> None:
    def refuses(_: bytes) -> str:
        raise ValueError("no model for Klingon")

    with WyomingRig(refuses) as rig, pytest.raises(RecognizerError, match="no model for Klingon"):
        WyomingEngine(rig.url).warm_up()


def test_an_engine_whose_server_is_away_says_so_and_heals() -> None:
    rig = WyomingRig(seconds)
    rig.start()
    engine = WyomingEngine(rig.url)
    rig.stop()
    for ask in (engine.warm_up, engine.acquire):
        with pytest.raises(RecognizerError, match=f"{rig.url} can't be reached"):
            ask()
    with rig:
        engine.release(engine.acquire())


def test_a_recognizer_streams_when_its_server_does() -> None:
    with WyomingRig(seconds, streams=True) as rig:
        engine = WyomingEngine(rig.url)
        recognizer = engine.acquire()
        recognizer.hear(SECOND)
        wait_until(lambda: rig.wanted)
        assert rig.asked == [], "no guess"
        engine.release(recognizer)


# Whole utterances


@pytest.mark.parametrize("streams", [False, True])
def test_an_utterance_is_heard_to_its_last_sample(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        speak(mine, SECOND * 3 + b"\0\0")
        assert text(mine.finish()) == "word0 word1 word2"
        assert len(SECOND) * 3 + 2 in rig.asked


@pytest.mark.parametrize("streams", [False, True])
def test_utterances_do_not_mix(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        for length in (3, 1, 2):
            speak(mine, SECOND * length)
            assert len(mine.finish()) == length


def test_without_audio_nothing_is_said_and_nobody_asked() -> None:
    with WyomingRig(seconds) as rig:
        assert recognizer(rig).finish() == []
        assert rig.wanted == []


def test_favoured_terms_reach_the_server() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig)
        mine.favour(["Kirchhoff", "ohm"])
        mine.hear(TENTH)
        mine.finish()
        assert rig.wanted[-1].transcript_terms == ["Kirchhoff", "ohm"]


@pytest.mark.parametrize("streams", [False, True])
def test_no_thread_outlives_its_utterance(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        before = set(threading.enumerate())
        mine = recognizer(rig, streaming=streams)
        mine.hear(SECOND)
        mine.finish()
        mine.hear(SECOND)
        mine.close()
        ours = [thread for thread in threading.enumerate() if thread.name == "wyoming-utterance"]
        assert not set(ours) - before


# While one speaks


def test_what_was_said_so_far_is_guessed() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig)
        speak(mine, SECOND * 2)
        wait_until(lambda: mine.hear(b""))
        assert text(mine.hear(b"")).startswith("word0")
        mine.close()


def test_it_is_told_how_far_the_words_lag_behind() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig)
        mine.hear(SECOND * 2)
        assert mine.lag == 2000
        wait_until(lambda: lag(mine) == 0)
        mine.hear(TENTH)
        assert mine.lag == 100
        mine.finish()
        assert mine.lag == 0


def test_a_guess_ends_without_a_full_stop() -> None:
    with WyomingRig(lambda _: "I think that.") as rig:
        mine = recognizer(rig)
        mine.hear(SECOND)
        wait_until(lambda: lag(mine) == 0)
        assert text(mine.hear(b"")) == "I think that"
        assert text(mine.finish()) == "I think that."


def test_guesses_lag_by_an_eighth_and_hear_it_nine_times_in_all() -> None:
    with WyomingRig(lambda pcm: str(len(pcm))) as rig:
        mine = recognizer(rig, clock=Clock())

        def keeps_up(length: int) -> bool:
            return lag(mine) <= max(500, length // 8)

        for length in range(100, 60_100, 100):
            mine.hear(TENTH)
            wait_until(partial(keeps_up, length))
        mine.close()
    assert sum(rig.asked) < 10 * 600 * len(TENTH)


def test_a_slow_server_guesses_no_more_than_half_of_the_time() -> None:
    clock = Clock()
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig, clock=clock)
        mine.hear(SECOND)
        wait_until(lambda: rig.asked and not rig.at_once)
        clock.now += 4
        wait_until(lambda: lag(mine) == 0)
        mine.hear(SECOND)
        clock.now += 3.9
        mine.hear(SECOND)
        assert len(rig.wanted) == 1
        clock.now += 0.2
        mine.hear(b"")
        wait_until(lambda: len(rig.wanted) == 2)
        mine.close()


def test_one_utterance_is_asked_about_once_at_a_time() -> None:
    with WyomingRig(pocketsphinx()) as rig:
        mine = recognizer(rig)
        speak(mine, SECOND * 3)
        mine.finish()
        assert rig.most_at_once == 1


def test_a_streamed_transcript_needs_no_guesses() -> None:
    with WyomingRig(seconds, streams=True) as rig:
        mine = recognizer(rig, streaming=True)
        speak(mine, SECOND * 2)
        wait_until(lambda: text(mine.hear(b"")) == "word0")
        speak(mine, SECOND * 8)
        wait_until(lambda: text(mine.hear(b"")).endswith("word8"))
        assert len(mine.finish()) == 10
        assert len(rig.wanted) == 1


def test_a_server_that_streams_nothing_is_guessed_after_all() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig, streaming=True)
        speak(mine, SECOND * 4)
        wait_until(lambda: mine.hear(b""))
        assert len(mine.finish()) == 4


# A server that comes and goes


@pytest.mark.parametrize("streams", [False, True])
def test_a_restart_amid_an_utterance_costs_nothing(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        speak(mine, SECOND * 2)
        wait_until(lambda: rig.wanted)
        rig.stop()
        speak(mine, SECOND)
        rig.start()
        speak(mine, SECOND * 2)
        assert text(mine.finish()) == "word0 word1 word2 word3 word4"
        assert rig.asked[-1] == len(SECOND) * 5


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_is_away_is_asked_again(streams: bool) -> None:
    rig = WyomingRig(seconds, streams=streams)
    rig.start()
    pauses: list[float] = []

    def comes_back(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 3:
            rig.start()

    mine = recognizer(rig, streaming=streams, sleep=comes_back)
    speak(mine, SECOND * 2)
    wait_until(lambda: rig.wanted)
    rig.stop()
    assert text(mine.finish()) == "word0 word1"
    assert len(pauses) == 3
    rig.stop()


def test_a_server_that_stays_away_is_told_when_patience_is_over() -> None:
    clock = Clock()
    rig = WyomingRig(seconds)
    rig.start()
    rig.stop()

    def sleep(pause: float) -> None:
        clock.now += pause

    mine = recognizer(rig, patience=10.0, clock=clock, sleep=sleep)
    speak(mine, SECOND)
    with pytest.raises(RecognizerError, match=f"{rig.url} can't be reached"):
        mine.finish()
    assert clock.now == pytest.approx(10.0)
    with rig:
        speak(mine, SECOND)
        assert text(mine.finish()) == "word0", "the next utterance starts afresh"


@pytest.mark.slow
@needs_vanishing
@pytest.mark.parametrize("streams", [False, True])
def test_a_machine_that_is_gone_without_a_word_is_noticed(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams, silences=Silences(least=0.2, unknown=0.2))
        mine.hear(SECOND)
        wait_until(lambda: rig.wanted)
        rig.vanish()
        with pytest.raises(SilentError, match=f"{rig.url} (hangs|can't be reached)"):
            mine.finish()


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_freezes_is_noticed_while_one_speaks(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams, silences=Silences(least=0.2, unknown=0.2))
        mine.hear(TENTH)
        rig.freeze()

        def hear_on() -> None:
            while True:
                mine.hear(TENTH)
                time.sleep(0.01)

        with pytest.raises(SilentError, match=f"{rig.url} hangs"):
            hear_on()
        mine.close()


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_freezes_is_not_asked_again(streams: bool) -> None:
    def never(_: float) -> None:
        raise AssertionError

    with WyomingRig(seconds, streams=streams) as rig:
        patience = Silences(least=0.2, unknown=0.2)
        mine = recognizer(rig, streaming=streams, silences=patience, sleep=never)
        mine.hear(TENTH)
        rig.freeze()
        with pytest.raises(SilentError, match=f"{rig.url} hangs"):
            mine.finish()


def test_an_answer_before_the_end_is_not_taken_for_all() -> None:
    with WyomingRig(seconds, streams=True, impatient=len(SECOND)) as rig:
        mine = recognizer(rig, streaming=True)
        mine.hear(SECOND)
        wait_until(lambda: rig.asked and not rig.at_once)
        rig.impatient = None
        speak(mine, SECOND * 2)
        assert text(mine.finish()) == "word0 word1 word2"


# Real speech


@pytest.mark.slow
@pytest.mark.parametrize("streams", [False, True])
def test_speech_is_understood_and_placed(streams: bool, sample: bytes, said: str) -> None:
    first = said.splitlines()[0]
    speech = sample[: int(3.2 * len(SECOND))]
    with WyomingRig(pocketsphinx(), streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        speak(mine, speech)
        words = mine.finish()
    assert word_error_rate(first, text(words)) <= 0.4
    assert all(word.start < word.end <= 3200 for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
