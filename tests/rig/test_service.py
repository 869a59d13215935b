import json
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import websocket
from assemblyai.streaming.v3 import (
    StreamingClient,
    StreamingClientOptions,
    StreamingEvents,
    StreamingParameters,
    TurnEvent,
)

from tests.rig.certificates import self_signed
from tests.rig.client import PARAMETERS, Client, connected
from tests.rig.comparison import compare
from tests.rig.numbered import numbered, speech
from tests.rig.recognizer import spoken
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SILENCE = bytes(32_000)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


def formatted(messages: list[dict[str, Any]]) -> list[str]:
    return [m["transcript"] for m in messages if m.get("turn_is_formatted")]


def test_a_session_ends_as_asked_with_all_words_heard() -> None:
    audio = speech(words=12)
    with ScriptedService(numbered(audio.words)) as service:
        with connected(service) as client:
            client.speak(audio.pcm)
            client.send({"type": "Terminate"})
            messages = client.messages()
        assert messages[0]["type"] == "Begin"
        assert messages[0]["expires_at"] == pytest.approx(time.time() + 10_800, abs=60)
        assert messages[-2]["type"] == "Termination"
        assert messages[-2]["audio_duration_seconds"] == pytest.approx(audio.seconds, abs=1)
        assert messages[-1] == {"close": 1000, "reason": ""}
        assert compare(audio.said, " ".join(formatted(messages))) == (0, 0)
        record = service.connections[0]
        wait_until(lambda: record.ended_by)
    assert service.violations == []
    assert record.query["speech_model"] == "universal-streaming-english"
    assert record.header("upgrade") == "websocket"
    assert bytes(record.audio[: len(audio.pcm)]) == audio.pcm
    assert {frame.length_ms for frame in record.frames} == {100}
    assert record.messages == [{"type": "Terminate"}]
    assert (record.ended_by, record.close_code) == ("service", 1000)
    assert [turn["turn_order"] for turn in record.turns if turn["end_of_turn"]] == [0, 0, 1, 1]
    assert service.tokens[0].used_by == 1


def test_the_vendors_sdk_hears_all_words() -> None:
    audio = speech(words=12)
    turns: list[TurnEvent] = []
    with ScriptedService(numbered(audio.words)) as service:
        host = service.url.removesuffix("/v3/ws")
        client = StreamingClient(StreamingClientOptions(api_key=service.api_key, api_host=host))
        client.on(StreamingEvents.Turn, lambda _, turn: turns.append(turn))
        client.connect(StreamingParameters.model_validate(PARAMETERS))
        client.stream(audio.pcm[start : start + 3200] for start in range(0, len(audio.pcm), 3200))
        client.disconnect(terminate=True)
    assert service.violations == []
    heard = [turn.transcript for turn in turns if turn.turn_is_formatted]
    assert compare(audio.said, " ".join(heard)) == (0, 0)


def test_words_are_heard_over_two_connections_as_their_audio_arrives() -> None:
    audio = speech(words=4)
    with ScriptedService(numbered(audio.words)) as service:
        heard = []
        middle_of_w1 = (audio.words[1].first + 12) * 320
        for part in (audio.pcm[:middle_of_w1], audio.pcm[middle_of_w1:]):
            with connected(service) as client:
                client.speak(part)
                client.send({"type": "Terminate"})
                heard += formatted(client.messages())
        assert compare(audio.said, " ".join(heard)) == (1, 0)


@pytest.mark.parametrize(
    ("parameters", "transcripts"),
    [
        ({"format_turns": "false"}, ["hello world"]),
        ({}, ["hello world", "Hello world."]),
        ({"speech_model": "u3-rt-pro"}, ["Hello world."]),
    ],
)
def test_finished_turns_come_as_the_parameters_say(
    parameters: dict[str, str], transcripts: list[str]
) -> None:
    hello = spoken([(0.0, "hello world")])
    with ScriptedService(hello) as service, connected(service, **parameters) as client:
        client.speak(SILENCE)
        client.send({"type": "Terminate"})
        finished = [m["transcript"] for m in client.messages() if m.get("end_of_turn")]
    assert finished == transcripts


def test_formatted_messages_can_be_lost() -> None:
    with ScriptedService(spoken([(0.0, "hello")])) as service:
        service.lose_formatted = True
        with connected(service) as client:
            client.speak(SILENCE)
            client.send({"type": "Terminate"})
            finished = [m["transcript"] for m in client.messages() if m.get("end_of_turn")]
    assert finished == ["hello"]


def test_word_times_are_off_alike_in_every_message() -> None:
    with ScriptedService(spoken([(2.0, "one two three four five")])) as service:
        service.word_time_error_ms = 150
        with connected(service) as client:
            client.speak(bytes(5 * 32_000))
            client.send({"type": "Terminate"})
            messages = client.messages()
    exact = {text: 2000 + 300 * i for i, text in enumerate(["one", "two", "three", "four", "five"])}
    starts: dict[str, set[int]] = {}
    for message in messages:
        for word in message.get("words", []):
            starts.setdefault(word["text"], set()).add(word["start"])
    errors = [found - exact[text] for text, (found,) in starts.items()]
    assert len(errors) == 5
    assert all(-150 <= error <= 150 for error in errors)
    assert len(set(errors)) > 1


def test_a_turn_can_be_ended_by_force() -> None:
    hello = spoken([(0.0, "hello world again")])
    with ScriptedService(hello) as service, connected(service) as client:
        client.speak(SILENCE[:16_000])
        client.send({"type": "ForceEndpoint"})
        client.send({"type": "Terminate"})
        assert formatted(client.messages()) == ["Hello world."]


def test_turns_come_later_than_their_audio() -> None:
    with ScriptedService(spoken([(0.0, "hello")])) as service:
        service.hearing_delay = 0.3
        service.hearing_speed = 4.0
        with connected(service) as client:
            client.speak(SILENCE)
            client.send({"type": "Terminate"})
            assert formatted(client.messages()) == ["Hello."]
        record = service.connections[0]
        begun = next(sent.at for sent in record.sent if sent.message in record.turns)
        assert begun - record.frames[0].at >= 0.3


@pytest.mark.skipif(not shutil.which("openssl"), reason="the openssl command makes certificates")
def test_all_can_be_encrypted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    trust = {"ca_certs": str(certificate.file)}
    with ScriptedService(spoken([(0.0, "hello")]), tls=certificate.context) as service:
        with pytest.raises(requests.exceptions.SSLError, match="self-signed"):
            requests.get(service.token_url, timeout=20)
        answer = requests.get(service.token_url, timeout=20, verify=str(certificate.file))
        address = f"{service.url}?{urlencode(PARAMETERS | {'token': answer.json()['token']})}"
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            websocket.create_connection(address, timeout=20)
        client = websocket.create_connection(address, timeout=20, sslopt=trust)
        client.send_binary(SILENCE)
        client.send('{"type": "Terminate"}')
        heard = [json.loads(client.recv()) for _ in range(6)]
        client.close()
    assert formatted(heard) == ["Hello."]
    assert heard[-1]["type"] == "Termination"


def test_the_service_can_be_down(service: ScriptedService) -> None:
    service.down_for()
    with pytest.raises(ConnectionRefusedError):
        Client(service.url)
    service.up()
    with connected(service) as client:
        assert json.loads(client.socket.recv())["type"] == "Begin"


def test_messages_can_be_sent_as_they_are(service: ScriptedService) -> None:
    with connected(service) as client:
        assert client.socket.recv()
        for message in ("{not json", b"\x00\x01", '{"type": "Turn"}'):
            service.send_raw(message)
        received = [client.socket.recv_data() for _ in range(3)]
    assert received == [
        (websocket.ABNF.OPCODE_TEXT, b"{not json"),
        (websocket.ABNF.OPCODE_BINARY, b"\x00\x01"),
        (websocket.ABNF.OPCODE_TEXT, b'{"type": "Turn"}'),
    ]
