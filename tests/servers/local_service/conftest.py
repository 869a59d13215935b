import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.servers.local_service.server import LocalService
from tests.rig.certificates import Certificate, self_signed
from tests.servers.local_service.doubles import ScriptedEngine

SAMPLES = Path(__file__).parents[3] / "appliance" / "app" / "samples"


@pytest.fixture(scope="session")
def sample() -> bytes:
    with wave.open(str(SAMPLES / "sample.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return bytes(file.readframes(file.getnframes()))


@pytest.fixture(scope="session")
def said() -> str:
    return (SAMPLES / "sample.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def service() -> Iterator[LocalService]:
    with LocalService() as service:
        yield service


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def speakers_service(certificate: Certificate) -> Iterator[LocalService]:
    """Return a service that finds out later who said the second of two turns, and beats fast."""
    engine = ScriptedEngine([("good", "A"), ("morning", "A")], [("hello", ""), ("there", "")])
    engine.revise({1: ["B", "B"]})
    key = certificate.file.with_name("key.pem")
    with LocalService(
        engine=engine, certificate=certificate.file, key=key, heartbeat_interval=0.02
    ) as service:
        yield service


@pytest.fixture(scope="session")
def tls_service(certificate: Certificate) -> Iterator[LocalService]:
    key = certificate.file.with_name("key.pem")
    with LocalService(certificate=certificate.file, key=key) as service:
        yield service
