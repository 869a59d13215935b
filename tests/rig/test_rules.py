from collections.abc import Iterator

import pytest
import requests

from tests.rig.client import Client, connected
from tests.rig.faults import ignore_terminate
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SILENCE = bytes(32_000)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


# What clients do against the rules


@pytest.mark.parametrize(
    ("data", "code", "violation"),
    [
        (bytes(1598), 3007, "connection 1: a frame is 49.9375 ms long"),
        (bytes(32_002), 3007, "connection 1: a frame is 1000.06 ms long"),
        ("{", 3006, "connection 1: a text message is not JSON"),
        ('{"type": "Stop"}', 3006, "connection 1: a message has the unknown type Stop"),
        ("[]", 3006, "connection 1: a message has the unknown type None"),
    ],
)
def test_bad_messages_are_noted_and_refused(
    service: ScriptedService, data: str | bytes, code: int, violation: str
) -> None:
    with connected(service) as client:
        if isinstance(data, str):
            client.send(data)
        else:
            client.socket.send_binary(data)
        begin, error, close = client.messages()
    assert begin["type"] == "Begin"
    assert (error["type"], error["error_code"]) == ("Error", code)
    assert close == {"close": code, "reason": error["error"]}
    assert service.violations == [violation]


@pytest.mark.parametrize("length", [1600, 32_000])
def test_frames_of_50_and_1000_ms_are_fine(service: ScriptedService, length: int) -> None:
    with connected(service) as client:
        client.socket.send_binary(bytes(length))
        client.send({"type": "Terminate"})
        client.messages()
    assert service.violations == []


def test_tokens_open_one_session_each(service: ScriptedService) -> None:
    token = requests.get(service.token_url, timeout=20).json()["token"]
    codes = []
    for parameters in ({"token": token}, {"token": token}, {"token": "made up"}, {}):
        client = Client(service.url, **parameters)
        client.send({"type": "Terminate"})
        codes.append(client.messages()[-1]["close"])
        client.close()
    assert codes == [1000, 1008, 1008, 1008]
    assert service.violations == [
        "connection 2: the token was used by connection 1",
        "connection 3: the token is not one of ours",
        "connection 4: there is no token",
    ]


def test_bad_parameters_are_noted(service: ScriptedService) -> None:
    with connected(service, sample_rate="44100") as client:
        client.send({"type": "Terminate"})
        assert client.messages()[-1]["close"] == 1000
    assert service.violations == [
        "connection 1: sample_rate is 44100, the audio is 16000 Hz",
    ]


def test_closing_without_terminate_is_noted(service: ScriptedService) -> None:
    with connected(service) as client:
        client.socket.close(timeout=5)
    wait_until(lambda: service.connections[0].ended_by)
    assert service.connections[0].ended_by == "client"
    assert service.violations == ["connection 1: closed with 1000 without Terminate"]


def test_a_client_that_is_gone_is_no_violation(service: ScriptedService) -> None:
    with connected(service) as client:
        client.close()
    wait_until(lambda: service.connections[0].ended_by == "network")
    assert service.violations == []


def test_audio_after_terminate_is_noted(service: ScriptedService) -> None:
    service.on_connection(1, ignore_terminate())
    with connected(service) as client:
        client.send({"type": "Terminate"})
        client.speak(SILENCE[:3200])
        wait_until(lambda: service.violations)
    assert service.violations == ["connection 1: audio came after Terminate"]


# Tokens


def test_the_services_own_tokens_need_the_key(service: ScriptedService) -> None:
    refused = requests.get(service.api_token_url, timeout=20)
    assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})
    key = {"Authorization": service.api_key}
    query = {"expires_in_seconds": "30"}
    issued = requests.get(service.api_token_url, params=query, headers=key, timeout=20)
    assert issued.headers["Content-Type"] == "application/json"
    assert issued.json() == {"token": service.tokens[0].value, "expires_in_seconds": 30}
    query = {"expires_in_seconds": "601"}
    too_long = requests.get(service.api_token_url, params=query, headers=key, timeout=20)
    assert too_long.status_code == 400
    assert [request.status for request in service.token_requests] == [401, 200, 400]


def test_token_answers_can_be_scripted(service: ScriptedService) -> None:
    service.token_answer = (503, {"error": "closed for today"})
    answer = requests.get(service.token_url, timeout=20)
    assert (answer.status_code, answer.json()) == (503, {"error": "closed for today"})
    service.token_answer = (200, "<html>")
    assert requests.get(service.token_url, timeout=20).text == "<html>"


def test_tokens_can_be_out_of_reach_while_sessions_are_not(service: ScriptedService) -> None:
    token = requests.get(service.token_url, timeout=20).json()["token"]
    service.token_down_for(600)
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(service.token_url, timeout=20)
    client = Client(service.url, token=token)
    client.send({"type": "Terminate"})
    assert client.messages()[-1]["close"] == 1000
    client.close()
    service.token_up()
    assert requests.get(service.token_url, timeout=20).ok


def test_tokens_come_back_by_themselves(service: ScriptedService) -> None:
    service.token_down_for(0.2)

    def answered() -> bool:
        try:
            return requests.get(service.token_url, timeout=20).ok
        except requests.ConnectionError:
            return False

    wait_until(answered)
