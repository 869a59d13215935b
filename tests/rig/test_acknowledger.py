from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.client import Client, connected
from tests.rig.faults import deaf_between, stop_heartbeats_after
from tests.rig.numbered import numbered, speech
from tests.rig.service import ScriptedService

AUDIO = speech(words=6)
SECOND = bytes(32_000)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(AUDIO.words)) as service:
        service.heartbeat_interval = 0.1
        yield service


def messages(client: Client, kind: str) -> list[dict[str, Any]]:
    client.send({"type": "Terminate"})
    return [message for message in client.messages() if message.get("type") == kind]


def first(client: Client, kind: str) -> dict[str, Any]:
    """Return the first message of a kind, and leave the session open."""
    while (message := client.receive())["type"] != kind:
        pass
    return message


def test_heartbeats_come_when_asked_for(service: ScriptedService) -> None:
    with connected(service, session_heartbeat="true") as client:
        client.speak(AUDIO.pcm)
        beat = first(client, "Heartbeat")
        while beat["total_audio_received_ms"] < AUDIO.seconds * 1000:
            beat = first(client, "Heartbeat")
    with connected(service) as client:
        client.speak(AUDIO.pcm)
        assert messages(client, "Heartbeat") == []


def test_a_heartbeat_tells_speech_from_silence(service: ScriptedService) -> None:
    for audio, probability in ((AUDIO.pcm, 0.97), (SECOND, 0.02)):
        with connected(service, session_heartbeat="true") as client:
            client.speak(audio)
            assert first(client, "Heartbeat")["max_speech_probability"] == probability


def test_a_deaf_recognizer_hears_nothing_of_what_is_acknowledged(service: ScriptedService) -> None:
    service.on_every_connection(deaf_between(0.0, float("inf"), "go on"))
    with connected(service, session_heartbeat="true") as client:
        client.speak(AUDIO.pcm)
        assert first(client, "Heartbeat")["max_speech_probability"] == 0.97
        assert messages(client, "Turn") == []


def test_heartbeats_stop(service: ScriptedService) -> None:
    service.on_every_connection(stop_heartbeats_after(0.0))
    with connected(service, session_heartbeat="true") as client:
        client.speak(SECOND)
        assert messages(client, "Heartbeat") == []


def test_begin_says_what_is_applied(service: ScriptedService) -> None:
    service.configuration = {"model": "whisper-rt"}
    with connected(service) as client:
        assert client.receive()["configuration"] == {"model": "whisper-rt"}


def test_inactivity_ends_a_session(service: ScriptedService) -> None:
    service.inactivity_timeout = 0.1
    with connected(service) as client:
        close = client.messages()[-1]
    assert close == {"close": 3006, "reason": "Session terminated due to inactivity"}
