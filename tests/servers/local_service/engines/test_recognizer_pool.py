from collections.abc import Mapping, Sequence

import pytest

from appliance.servers.local_service.engines.base import HeardWord, RecognizerError
from appliance.servers.local_service.engines.recognizer_pool import RecognizerPool


class Recognizer:
    """A recognizer that records its audio and terms."""

    lag = 0

    def __init__(self) -> None:
        self.pcm = b""
        self.terms: Sequence[str] = ()
        self.closed = False
        self.broken = False

    def hear(self, pcm: bytes) -> list[HeardWord]:
        self.pcm += pcm
        return []

    def finish(self) -> list[HeardWord]:
        if self.broken:
            raise RecognizerError("it is broken")
        self.pcm = b""
        return []

    def favour(self, terms: Sequence[str]) -> None:
        self.terms = terms

    def close(self) -> None:
        self.closed = True


def test_a_released_recognizer_is_used_again() -> None:
    pool = RecognizerPool(Recognizer)
    first = pool.acquire()
    pool.release(first)
    assert pool.acquire() is first


class SpeakerRecognizer(Recognizer):
    """A recognizer that knows speakers."""

    def label_speakers(self, _max_speakers: int | None) -> None:
        pass

    def revised_speakers(self) -> Mapping[int, Sequence[str]]:
        return {}


def test_a_recognizer_that_knows_speakers_serves_one_session() -> None:
    pool = RecognizerPool(SpeakerRecognizer)
    first = pool.acquire()
    pool.release(first)
    assert isinstance(first, SpeakerRecognizer)
    assert first.closed
    assert pool.acquire() is not first


def test_two_sessions_never_share_a_recognizer() -> None:
    pool = RecognizerPool(Recognizer)
    assert pool.acquire() is not pool.acquire()


def test_only_one_idle_recognizer_is_kept() -> None:
    pool = RecognizerPool(Recognizer)
    first, second = pool.acquire(), Recognizer()
    pool.release(first)
    pool.release(second)
    assert second.closed
    assert pool.acquire() is first
    assert pool.acquire() is not second


def test_a_released_recognizer_is_reset() -> None:
    recognizer = Recognizer()
    recognizer.hear(b"half a word")
    recognizer.favour(["a word"])
    RecognizerPool(Recognizer).release(recognizer)
    assert recognizer.pcm == b""
    assert not recognizer.terms


def test_a_broken_recognizer_is_not_used_again() -> None:
    pool = RecognizerPool(Recognizer)
    recognizer = Recognizer()
    recognizer.broken = True
    pool.release(recognizer)
    assert recognizer.closed
    assert pool.acquire() is not recognizer


def test_warm_up_loads_a_recognizer_for_the_first_session() -> None:
    made: list[Recognizer] = []

    def make() -> Recognizer:
        made.append(Recognizer())
        return made[-1]

    pool = RecognizerPool(make)
    pool.warm_up()
    assert pool.acquire() is made[0]


def test_closing_the_pool_closes_the_idle_recognizer() -> None:
    pool = RecognizerPool(Recognizer)
    recognizer = Recognizer()
    pool.release(recognizer)
    pool.close()
    pool.close()
    assert recognizer.closed


def test_an_error_while_loading_is_raised() -> None:
    def make() -> Recognizer:
        raise RecognizerError("no memory")

    with pytest.raises(RecognizerError, match="no memory"):
        RecognizerPool(make).warm_up()
