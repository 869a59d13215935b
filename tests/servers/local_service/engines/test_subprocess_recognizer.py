import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

import pytest

from appliance.servers.local_service.engines.base import HeardWord, RecognizerError
from appliance.servers.local_service.engines.subprocess_recognizer import SubprocessRecognizer


class Reporter:
    """A recognizer whose words are the calls it received, and its process id."""

    lag = 0

    def __init__(self) -> None:
        self._asked: list[str] = []

    def hear(self, pcm: bytes) -> list[HeardWord]:
        if pcm == b"end":
            os._exit(7)
        self._asked.append(f"hear {len(pcm)}")
        return [HeardWord(asked, 0, 10, 0.5) for asked in self._asked]

    def finish(self) -> list[HeardWord]:
        return [HeardWord(str(os.getpid()), 0, 10)]

    def favour(self, terms: Sequence[str]) -> None:
        self._asked.append(f"favour {' '.join(terms)}")

    def close(self) -> None:
        pass


def no_recognizer() -> NoReturn:
    sys.exit(3)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_calls_reach_a_recognizer_in_another_process() -> None:
    recognizer = SubprocessRecognizer(Reporter)
    recognizer.favour(["two", "words"])
    heard = recognizer.hear(bytes(3200))
    assert [word.text for word in heard] == ["favour two words", "hear 3200"]
    assert heard[0] == HeardWord("favour two words", 0, 10, 0.5)
    assert recognizer.finish()[0].text != str(os.getpid())
    recognizer.close()


def test_close_ends_the_process() -> None:
    recognizer = SubprocessRecognizer(Reporter)
    pid = int(recognizer.finish()[0].text)
    assert is_running(pid)
    recognizer.close()
    assert not is_running(pid)


def test_a_process_that_ends_is_an_error_with_its_status() -> None:
    recognizer = SubprocessRecognizer(Reporter)
    with pytest.raises(RecognizerError, match="status 7"):
        recognizer.hear(b"end")
    with pytest.raises(RecognizerError, match="status 7"):
        recognizer.finish()
    recognizer.close()


def test_a_process_that_does_not_start_is_an_error() -> None:
    with pytest.raises(RecognizerError, match="status 3"):
        SubprocessRecognizer(no_recognizer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_does_not_end_the_recognizer(number: signal.Signals) -> None:
    recognizer = SubprocessRecognizer(Reporter)
    os.kill(int(recognizer.finish()[0].text), number)
    assert recognizer.hear(bytes(2))
    recognizer.close()


@pytest.mark.slow
def test_the_process_does_not_outlive_its_parent() -> None:
    program = (
        f"from {SubprocessRecognizer.__module__} import SubprocessRecognizer\n"
        f"from {Reporter.__module__} import Reporter\n"
        "recognizer = SubprocessRecognizer(Reporter)\n"
        "print(recognizer.finish()[0].text, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        # The recognizer's process inherited standard output, so its end closes that.
        assert parent.stdout.read() == ""
    assert pid
