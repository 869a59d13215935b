import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.servers.local_service import server
from appliance.servers.local_service.engines.base import (
    HeardWord,
    Recognizer,
    RecognizerError,
    UnknownEngineError,
)
from appliance.servers.local_service.server import LocalService, LocalServiceError
from tests.servers.local_service.client import Client, refusal

# Its life


def test_a_service_leaves_no_thread_behind(sample: bytes) -> None:
    before = set(threading.enumerate())
    with LocalService() as service:
        client = Client(service)
        client.audio(sample[:32_000])
        assert client.next()["type"] == "Begin"
    assert set(threading.enumerate()) <= before


def test_a_client_that_goes_away_ends_its_recognizer(sample: bytes) -> None:
    with LocalService() as service:
        client = Client(service)
        client.audio(sample[:64_000])
        client.close()
        gone = threading.Event()
        for _ in range(200):
            if not any("recognizer" in thread.name for thread in threading.enumerate()):
                gone.set()
                break
            gone.wait(0.05)
        assert gone.is_set()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serve_with_status_0(number: signal.Signals) -> None:
    program = (
        "import logging; from appliance.servers.local_service.server import serve; "
        "logging.basicConfig(level=logging.INFO); serve(port=0)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"local service at ws://127.0.0.1:" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert b"Traceback" not in process.stderr.read()


def test_a_taken_port_is_told_in_a_sentence(service: LocalService) -> None:
    port = int(service.token_url.rsplit(":", 1)[1].split("/")[0])
    with pytest.raises(LocalServiceError, match=rf"{port}: .*--port"):
        LocalService(port=port)


def test_an_unknown_engine_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownEngineError, match="pocketsphinx"):
        LocalService(engine="ear")


def test_a_certificate_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalServiceError, match=r"none\.pem can't be used: No such file"):
        LocalService(certificate=tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(LocalServiceError, match=r"bad\.pem can't be used: .*--key"):
        LocalService(certificate=tmp_path / "bad.pem")


# Its engine


class Reluctant:
    """An engine that can't be had until it is `there`, and which then breaks."""

    lag = 0

    def __init__(self) -> None:
        self.there = False
        self.closed = False

    def warm_up(self) -> None:
        if not self.there:
            raise RecognizerError("The engine is away: wait")

    def acquire(self) -> Recognizer:
        self.warm_up()
        return self

    def release(self, recognizer: Recognizer) -> None:
        assert recognizer is self

    def hear(self, pcm: bytes) -> list[HeardWord]:
        assert pcm
        raise RecognizerError("The engine broke")

    def finish(self) -> list[HeardWord]:
        return []

    def favour(self, terms: Sequence[str]) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def reluctant(monkeypatch: pytest.MonkeyPatch) -> Reluctant:
    engine = Reluctant()
    monkeypatch.setattr(server, "engine_named", lambda _: engine)
    return engine


def test_an_engine_that_is_away_is_told_at_the_start_and_to_each_session(
    reluctant: Reluctant, caplog: pytest.LogCaptureFixture
) -> None:
    with LocalService() as service:
        assert "The engine is away: wait" in caplog.text
        (refused,) = Client(service).rest()  # and nothing has begun
        assert refused == {
            "type": "Error",
            "error_code": 3005,
            "error": "The engine is away: wait",
        }
        reluctant.there = True
        client = Client(service)
        assert [message["type"] for message in client.terminated()] == ["Begin", "Termination"]
    assert reluctant.closed


def test_an_engine_that_breaks_ends_the_session_with_a_service_error(
    reluctant: Reluctant, sample: bytes
) -> None:
    reluctant.there = True
    with LocalService() as service:
        client = Client(service)
        client.audio(sample[: 1000 * 32])
        assert refusal(client) == (3005, "The engine broke")
