import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.servers.listening import ServerError
from appliance.servers.local_service.engines.base import (
    HeardWord,
    Recognizer,
    RecognizerError,
    UnknownEngineError,
)
from appliance.servers.local_service.server import LocalService
from tests.rig.waiting import wait_until
from tests.servers.local_service.client import Client, refusal
from tests.servers.local_service.doubles import DeafEngine

# Start and end


def test_a_service_leaves_no_thread_behind(sample: bytes) -> None:
    before = set(threading.enumerate())
    with LocalService() as service:
        client = Client(service)
        client.audio(sample[:32_000])
        assert client.next()["type"] == "Begin"
    assert set(threading.enumerate()) <= before


def recognizer_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("recognizer-")}


def test_a_client_that_disconnects_ends_its_recognizers_thread(sample: bytes) -> None:
    others = recognizer_threads()
    with LocalService() as service:
        client = Client(service)
        client.audio(sample[:64_000])
        assert client.next()["type"] == "Begin"
        (thread,) = recognizer_threads() - others
        client.close()
        wait_until(lambda: not thread.is_alive())


def test_a_port_in_use_is_an_error(service: LocalService) -> None:
    port = int(service.token_url.rsplit(":", 1)[1].split("/")[0])
    with pytest.raises(ServerError, match=rf"{port}: .*--port"):
        LocalService(port=port)


def test_an_unknown_engine_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(UnknownEngineError, match="pocketsphinx"):
        LocalService(engine="ear")


def test_a_bad_certificate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"none\.pem can't be used: No such file"):
        LocalService(certificate=tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(ServerError, match=r"bad\.pem can't be used: .*--key"):
        LocalService(certificate=tmp_path / "bad.pem")


# The engine


class UnreliableEngine(DeafEngine):
    """An engine that is not available until `is_available`, and then fails at the first audio."""

    def __init__(self) -> None:
        self.is_available = False
        self.is_closed = False

    def warm_up(self) -> None:
        if not self.is_available:
            raise RecognizerError("The engine is away: wait")

    def acquire(self) -> Recognizer:
        self.warm_up()
        return super().acquire()

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        assert pcm
        raise RecognizerError("The engine broke")

    def close(self) -> None:
        self.is_closed = True


def test_an_engine_that_is_unavailable_at_the_start_is_reported_until_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = UnreliableEngine()
    with LocalService(engine=engine) as service:
        assert "The engine is away: wait" in caplog.text
        (refused,) = Client(service).rest()  # there is no Begin
        assert refused == {
            "type": "Error",
            "error_code": 3005,
            "error": "The engine is away: wait",
        }
        engine.is_available = True
        client = Client(service)
        assert [message["type"] for message in client.terminated()] == ["Begin", "Termination"]
    assert engine.is_closed


def test_an_engine_that_fails_ends_the_session_with_a_service_error(sample: bytes) -> None:
    engine = UnreliableEngine()
    engine.is_available = True
    with LocalService(engine=engine) as service:
        client = Client(service)
        client.audio(sample[: 1000 * 32])
        assert refusal(client) == (3005, "The engine broke")
