from appliance.services.recognizer import HeardWord, RecognizerPool


class Recognizer:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.pcm = b""

    def hear(self, pcm: bytes) -> list[HeardWord]:
        self.pcm += pcm
        return []

    def finish(self) -> list[HeardWord]:
        self.pcm = b""
        return []


def test_a_recognizer_that_came_back_is_lent_again() -> None:
    pool = RecognizerPool(Recognizer)
    first = pool.lend()
    pool.take_back(first)
    assert pool.lend() is first


def test_two_sessions_never_share_a_recognizer() -> None:
    pool = RecognizerPool(Recognizer)
    assert pool.lend() is not pool.lend()


def test_only_one_idle_recognizer_is_kept() -> None:
    pool = RecognizerPool(Recognizer)
    first, second = pool.lend(), pool.lend()
    pool.take_back(first)
    pool.take_back(second)
    assert pool.lend() is first
    assert pool.lend() is not second


def test_a_recognizer_comes_back_with_nothing_half_heard() -> None:
    recognizer = Recognizer()
    recognizer.hear(b"half a word")
    RecognizerPool(Recognizer).take_back(recognizer)
    assert recognizer.pcm == b""
