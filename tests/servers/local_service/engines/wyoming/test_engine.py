import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from appliance.app.word_error_rate import word_error_rate
from appliance.servers.local_service.engines.base import HeardWord, RecognizerError
from appliance.servers.local_service.engines.wyoming.address import Address
from appliance.servers.local_service.engines.wyoming.client import WyomingServer
from appliance.servers.local_service.engines.wyoming.engine import WyomingRecognizer, wyoming_engine
from appliance.servers.local_service.engines.wyoming.liveness import (
    SilenceHistory,
    UnresponsiveError,
)
from tests.rig.clock import Clock
from tests.rig.packets import needs_vanishing
from tests.rig.waiting import wait_until
from tests.servers.local_service.engines.wyoming.wyoming_rig import WyomingRig, pocketsphinx

TENTH = b"\x00\x20\x00\xe0" * 800
"""A tenth of a second of sound."""

SECOND = 10 * TENTH


def seconds(pcm: bytes) -> str:
    """Return as many words as there are seconds of audio."""
    return " ".join(f"word{number}" for number in range(len(pcm) // len(SECOND)))


def recognizer(
    rig: WyomingRig,
    *,
    streaming: bool = False,
    connect_timeout: float = 20.0,
    silence_limit: float = 60.0,  # for a busy machine
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> WyomingRecognizer:
    server = WyomingServer(
        Address.parse(rig.url),
        connect_timeout=connect_timeout,
        answer_timeout=60.0,
        history=SilenceHistory(min_limit=silence_limit, initial_limit=silence_limit),
        probe_interval=0.05,
    )
    return WyomingRecognizer(
        server, streaming=streaming, retry_period=10.0, clock=clock, sleep=sleep
    )


def speak(recognizer: WyomingRecognizer, pcm: bytes) -> None:
    for start in range(0, len(pcm), len(TENTH)):
        recognizer.hear(pcm[start : start + len(TENTH)])


def text(words: list[HeardWord]) -> str:
    return " ".join(word.text for word in words)


def lag(recognizer: WyomingRecognizer) -> int:
    """Return the recognizer's lag in ms, after it has looked for an interim transcript."""
    recognizer.hear(b"")
    return recognizer.lag


# The engine


def test_warm_up_transcribes_three_seconds() -> None:
    with WyomingRig(seconds) as rig:
        wyoming_engine(rig.url).warm_up()
        assert rig.lengths == [3 * len(SECOND)]


def test_warm_up_reports_a_server_that_fails() -> None:
    def refuses(_: bytes) -> str:
        raise ValueError("no model for Klingon")

    with WyomingRig(refuses) as rig, pytest.raises(RecognizerError, match="no model for Klingon"):
        wyoming_engine(rig.url).warm_up()


def test_an_engine_recovers_when_its_server_is_back() -> None:
    rig = WyomingRig(seconds)
    rig.start()
    engine = wyoming_engine(rig.url)
    rig.stop()
    for ask in (engine.warm_up, engine.acquire):
        with pytest.raises(RecognizerError, match=f"{rig.url} can't be reached"):
            ask()
    with rig:
        engine.release(engine.acquire())


def test_a_recognizer_streams_if_its_server_does() -> None:
    with WyomingRig(seconds, streams=True) as rig:
        engine = wyoming_engine(rig.url)
        recognizer = engine.acquire()
        recognizer.hear(SECOND)
        wait_until(lambda: rig.requests)
        assert len(rig.requests) == 1, "no interim request"
        engine.release(recognizer)


# Whole utterances


@pytest.mark.parametrize("streams", [False, True])
def test_an_utterance_is_transcribed_to_its_last_sample(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        speak(mine, SECOND * 3 + b"\0\0")
        assert text(mine.finish()) == "word0 word1 word2"
        assert len(SECOND) * 3 + 2 in rig.lengths


@pytest.mark.parametrize("streams", [False, True])
def test_utterances_do_not_mix(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        for length in (3, 1, 2):
            speak(mine, SECOND * length)
            assert len(mine.finish()) == length


def test_without_audio_there_are_no_words_and_no_request() -> None:
    with WyomingRig(seconds) as rig:
        assert recognizer(rig).finish() == []
        assert rig.requests == []


def test_favoured_terms_reach_the_server() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig)
        mine.favour(["Kirchhoff", "ohm"])
        mine.hear(TENTH)
        mine.finish()
        assert rig.requests[-1].transcript_terms == ["Kirchhoff", "ohm"]


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


# While somebody speaks


def test_interim_transcripts_bring_words_before_the_end() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig)
        speak(mine, SECOND * 2)
        wait_until(lambda: mine.hear(b""))
        assert text(mine.hear(b"")).startswith("word0")
        mine.close()


def test_the_lag_is_the_audio_without_words() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig)
        mine.hear(SECOND * 2)
        assert mine.lag == 2000
        wait_until(lambda: lag(mine) == 0)
        mine.hear(TENTH)
        assert mine.lag == 100
        mine.finish()
        assert mine.lag == 0


def test_an_interim_transcript_has_no_full_stop() -> None:
    with WyomingRig(lambda _: "I think that.") as rig:
        mine = recognizer(rig)
        mine.hear(SECOND)
        wait_until(lambda: lag(mine) == 0)
        assert text(mine.hear(b"")) == "I think that"
        assert text(mine.finish()) == "I think that."


def test_interim_transcripts_lag_by_an_eighth_and_send_the_audio_nine_times() -> None:
    with WyomingRig(lambda pcm: str(len(pcm))) as rig:
        mine = recognizer(rig, clock=Clock())

        def keeps_up(length: int) -> bool:
            return lag(mine) <= max(500, length // 8)

        for length in range(100, 60_100, 100):
            mine.hear(TENTH)
            wait_until(partial(keeps_up, length))
        mine.close()
    assert sum(rig.lengths) < 10 * 600 * len(TENTH)


def test_interim_transcripts_take_at_most_half_of_a_slow_servers_time() -> None:
    clock = Clock()
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig, clock=clock)
        mine.hear(SECOND)
        wait_until(lambda: rig.lengths and not rig.concurrent)
        clock.now += 4
        wait_until(lambda: lag(mine) == 0)
        mine.hear(SECOND)
        clock.now += 3.9
        mine.hear(SECOND)
        assert len(rig.requests) == 1
        clock.now += 0.2
        mine.hear(b"")
        wait_until(lambda: len(rig.requests) == 2)
        mine.close()


def test_interim_transcripts_are_requested_one_at_a_time() -> None:
    go_on = threading.Event()

    def hears(_: bytes) -> str:
        go_on.wait()
        return "word"

    with WyomingRig(hears) as rig:
        mine = recognizer(rig)
        mine.hear(SECOND)
        wait_until(lambda: rig.lengths)
        speak(mine, SECOND * 3)
        go_on.set()
        wait_until(lambda: lag(mine) == 0)
        assert rig.max_concurrent == 1
        mine.close()


def test_a_streamed_transcript_needs_no_interim_requests() -> None:
    with WyomingRig(seconds, streams=True) as rig:
        mine = recognizer(rig, streaming=True)
        speak(mine, SECOND * 2)
        wait_until(lambda: text(mine.hear(b"")) == "word0")
        speak(mine, SECOND * 8)
        wait_until(lambda: text(mine.hear(b"")).endswith("word8"))
        assert len(mine.finish()) == 10
        assert len(rig.requests) == 1


def test_a_server_that_streams_nothing_gets_interim_requests() -> None:
    with WyomingRig(seconds) as rig:
        mine = recognizer(rig, streaming=True)
        speak(mine, SECOND * 4)
        wait_until(lambda: mine.hear(b""))
        assert len(mine.finish()) == 4


# Outages


@pytest.mark.parametrize("streams", [False, True])
def test_a_restart_amid_an_utterance_loses_nothing(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        speak(mine, SECOND * 2)
        wait_until(lambda: rig.requests)
        rig.stop()
        speak(mine, SECOND)
        rig.start()
        speak(mine, SECOND * 2)
        assert text(mine.finish()) == "word0 word1 word2 word3 word4"
        assert len(SECOND) * 5 in rig.lengths


@pytest.mark.parametrize("streams", [False, True])
def test_an_unreachable_server_is_tried_again(streams: bool) -> None:
    rig = WyomingRig(seconds, streams=streams)
    rig.start()
    pauses: list[float] = []

    def comes_back(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 3:
            rig.start()

    mine = recognizer(rig, streaming=streams, sleep=comes_back)
    speak(mine, SECOND * 2)
    wait_until(lambda: rig.requests)
    rig.stop()
    assert text(mine.finish()) == "word0 word1"
    assert len(pauses) == 3
    rig.stop()


def test_a_server_that_stays_unreachable_is_an_error() -> None:
    clock = Clock()
    rig = WyomingRig(seconds)
    rig.start()
    rig.stop()

    def sleep(pause: float) -> None:
        clock.now += pause

    mine = recognizer(rig, clock=clock, sleep=sleep)
    speak(mine, SECOND)
    with pytest.raises(RecognizerError, match=f"{rig.url} can't be reached"):
        mine.finish()
    assert clock.now == pytest.approx(10.0)
    with rig:
        speak(mine, SECOND)
        assert text(mine.finish()) == "word0", "the next utterance has its own retry period"


@needs_vanishing
@pytest.mark.parametrize("streams", [False, True])
def test_a_machine_that_vanishes_is_noticed(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams, connect_timeout=1.0, silence_limit=0.2)
        mine.hear(SECOND)
        wait_until(lambda: rig.requests)
        rig.vanish()
        with pytest.raises(UnresponsiveError, match=f"{rig.url} (hangs|can't be reached)"):
            mine.finish()


@pytest.mark.parametrize("streams", [False, True])
def test_a_frozen_server_is_noticed_while_somebody_speaks(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams, silence_limit=0.2)
        mine.hear(TENTH)
        rig.freeze()

        def hear_on() -> None:
            while True:
                mine.hear(TENTH)
                time.sleep(0.01)

        with pytest.raises(UnresponsiveError, match=f"{rig.url} hangs"):
            hear_on()
        mine.close()


@pytest.mark.parametrize("streams", [False, True])
def test_a_frozen_server_is_not_tried_again(streams: bool) -> None:
    def never(_: float) -> None:
        raise AssertionError

    with WyomingRig(seconds, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams, silence_limit=0.2, sleep=never)
        mine.hear(TENTH)
        rig.freeze()
        with pytest.raises(UnresponsiveError, match=f"{rig.url} hangs"):
            mine.finish()


def test_an_answer_before_the_end_is_not_the_transcript() -> None:
    with WyomingRig(seconds, streams=True, impatient=len(SECOND)) as rig:
        mine = recognizer(rig, streaming=True)
        mine.hear(SECOND)
        wait_until(lambda: rig.lengths and not rig.concurrent)
        rig.impatient = None
        speak(mine, SECOND * 2)
        assert text(mine.finish()) == "word0 word1 word2"


# Real speech


@pytest.mark.slow
@pytest.mark.parametrize("streams", [False, True])
def test_real_speech_has_words_and_times(streams: bool, sample: bytes, said: str) -> None:
    first = said.splitlines()[0]
    speech = sample[: int(3.2 * len(SECOND))]
    with pocketsphinx() as hears, WyomingRig(hears, streams=streams) as rig:
        mine = recognizer(rig, streaming=streams)
        speak(mine, speech)
        words = mine.finish()
    assert word_error_rate(first, text(words)) <= 0.4
    assert all(word.start < word.end <= 3200 for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
