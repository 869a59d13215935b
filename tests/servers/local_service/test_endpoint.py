import logging
from collections.abc import Iterator

import pytest
import requests
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.servers.local_service.server import LocalService
from tests.rig.clock import Clock
from tests.rig.packets import needs_vanishing
from tests.rig.waiting import wait_until
from tests.servers.local_service.client import KEY, Client, refusal, token_of
from tests.servers.local_service.doubles import BrokenEngine, DeafEngine


@pytest.fixture
def timed(clock: Clock) -> Iterator[LocalService]:
    with LocalService(engine=DeafEngine(), heartbeat_interval=0.02, clock=clock) as service:
        yield service


def v3_token(service: LocalService, key: str = "any", **query: str) -> requests.Response:
    url = service.token_url.replace("/token", "/v3/token")
    return requests.get(url, params=query, headers={"Authorization": key}, timeout=10)


# Tokens


def test_a_token_opens_a_session(service: LocalService) -> None:
    client = Client(service, token=v3_token(service, expires_in_seconds="60").json()["token"])
    assert client.next()["type"] == "Begin"
    client.terminated()
    assert client.close_code == 1000


def test_v3_token_returns_the_tokens_lifetime(service: LocalService) -> None:
    assert v3_token(service, expires_in_seconds="600").json()["expires_in_seconds"] == 600


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"expires_in_seconds": "0"},
        {"expires_in_seconds": "601"},
        {"expires_in_seconds": "soon"},
        {"expires_in_seconds": "60", "max_session_duration_seconds": "59"},
        {"expires_in_seconds": "60", "max_session_duration_seconds": "10801"},
    ],
)
def test_v3_token_refuses_values_out_of_range(service: LocalService, query: dict[str, str]) -> None:
    answer = v3_token(service, **query)
    assert answer.status_code == 400
    assert "_seconds" in answer.json()["error"]


def test_v3_token_needs_a_key(service: LocalService) -> None:
    answer = v3_token(service, key="", expires_in_seconds="60")
    assert answer.status_code == 401
    assert "key" in answer.json()["error"]


def test_only_the_given_keys_are_accepted() -> None:
    with LocalService(engine=DeafEngine(), keys=["right"]) as service:
        assert v3_token(service, key="wrong", expires_in_seconds="60").status_code == 401
        assert v3_token(service, key="right", expires_in_seconds="60").status_code == 200
        assert requests.get(service.token_url, timeout=10).status_code == 401
        bearer = {"Authorization": "Bearer right"}
        assert requests.get(service.token_url, headers=bearer, timeout=10).status_code == 200
        wrong = Client(service, token=None, headers={"Authorization": "wrong"})
        assert refusal(wrong)[0] == 1008


def test_guesses_at_the_key_are_slowed(clock: Clock) -> None:
    with LocalService(engine=DeafEngine(), keys=["right"], clock=clock) as service:
        asked = [v3_token(service, key=f"guess {n}", expires_in_seconds="60") for n in range(12)]
        assert [answer.status_code for answer in asked] == [401] * 10 + [429] * 2
        assert "wait 60 s" in asked[-1].json()["error"]
        assert v3_token(service, key="right", expires_in_seconds="60").status_code == 429
        guess = Client(service, token=None, headers={"Authorization": "guess"})
        assert refusal(guess) == (1008, "Too many wrong keys from this network: wait 60 s")
        clock.now += 60
        assert v3_token(service, key="right", expires_in_seconds="60").status_code == 200
        wrong = [Client(service, token=None, headers={"Authorization": "no"}) for _ in range(11)]
        assert "Too many wrong keys" in [refusal(client)[1] for client in wrong][-1]


# Web pages

EVIL = {"Origin": "http://evil.example.org:8765", "Host": "evil.example.org:8765"}


@pytest.mark.parametrize(
    ("headers", "status"), [(EVIL, 421), ({"Host": EVIL["Host"]}, 421), ({"Origin": "null"}, 403)]
)
def test_a_strangers_page_gets_neither_token_nor_session(
    service: LocalService, headers: dict[str, str], status: int
) -> None:
    refused = requests.get(service.token_url, headers=headers, timeout=10)
    assert refused.status_code == status
    assert "Not allowed" in refused.json()["error"]
    assert "Access-Control-Allow-Origin" not in refused.headers
    # The library writes Host and Origin itself.
    lines = [f"{name}: {value}" for name, value in {"Authorization": "any", **headers}.items()]
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(
            service.url,
            timeout=20,
            header=[line for line in lines if not line.startswith(("Host", "Origin"))],
            host=headers.get("Host"),
            origin=headers.get("Origin"),
            suppress_origin="Origin" not in headers,
        )
    assert caught.value.status_code == status


@pytest.mark.parametrize("headers", [EVIL, {"Origin": "null"}, {"Origin": "http://localhost:3"}])
def test_who_has_a_token_or_the_key_may_come_from_any_page(headers: dict[str, str]) -> None:
    with LocalService(engine=DeafEngine(), keys=["right"]) as service:
        token = v3_token(service, key="right", expires_in_seconds="60").json()["token"]
        url = f"{service.url}?token={token}&sample_rate=16000"
        for address, header in ((url, []), (service.url, ["Authorization: right"])):
            client = websocket.create_connection(
                address,
                timeout=20,
                header=header,
                host=headers.get("Host"),
                origin=headers["Origin"],
            )
            assert '"Begin"' in client.recv()
            client.close()


def test_a_page_of_an_allowed_origin_may_have_a_token() -> None:
    origin = "https://captions.example.org"
    with LocalService(engine=DeafEngine(), origins=[origin], names=["speech.example.org"]) as own:
        headers = {"Origin": origin, "Host": "speech.example.org"}
        answer = requests.get(own.token_url, headers=headers, timeout=10)
    assert answer.json()["token"]
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_a_token_opens_only_one_session(service: LocalService) -> None:
    token = token_of(service)
    first = Client(service, token=token)
    assert refusal(Client(service, token=token)) == (
        1008,
        "Not authorized: the token has been used",
    )
    first.close()


def test_an_expired_token_is_refused(timed: LocalService, clock: Clock) -> None:
    token = token_of(timed)
    clock.now += 61
    code, error = refusal(Client(timed, token=token))
    assert code == 1008
    assert "expired" in error


def test_an_unknown_token_is_refused(service: LocalService) -> None:
    assert refusal(Client(service, token="made up"))[0] == 1008


def test_a_session_without_token_or_key_is_refused(service: LocalService) -> None:
    assert refusal(Client(service, token=None))[0] == 1008


def test_a_key_opens_a_session(service: LocalService) -> None:
    client = Client(service, token=None, headers=KEY)
    assert client.next()["type"] == "Begin"
    client.close()


def test_tokens_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with LocalService(engine=DeafEngine()) as service, caplog.at_level(logging.DEBUG):
        token = token_of(service)
        Client(service, token=token).terminated()
        refusal(Client(service, token=token))
    assert any("session refused" in message for message in caplog.messages)
    assert token not in caplog.text


# Refusals


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("speech_model", "Telepathy!"),
        ("sample_rate", "96001"),
        ("sample_rate", "many"),
        ("encoding", "opus"),
        ("format_turns", "perhaps"),
        ("inactivity_timeout", "4"),
        ("vad_threshold", "1.1"),
        ("max_turn_silence", "-1"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(service: LocalService, name: str, value: str) -> None:
    client = Client(service, headers={}, **{name: value})
    code, error = refusal(client)
    assert code == 3006
    assert name in error


def test_a_client_that_names_no_model_is_served(service: LocalService) -> None:
    client = Client(service, speech_model="")  # which the client leaves out
    begin = client.next()
    client.close()
    assert begin["configuration"]["model"] == "universal-3-6-pro"


def test_the_reason_of_a_long_error_stands_in_its_message() -> None:
    engine = BrokenEngine(f"The engine broke: {'very ' * 40}badly")
    with LocalService(engine=engine) as service:
        client = Client(service)
        code, error = refusal(client)
    assert (code, error) == (3005, engine.sentence)
    assert client.close_reason == "See the Error message for the reason"


def test_a_version_of_the_api_is_accepted_and_answered(service: LocalService) -> None:
    client = Client(service, headers={"AssemblyAI-Version": "2031-01-01"})
    assert client.next()["configuration"]["api_version"] == "2025-05-12"
    client.close()


def test_an_unknown_model_is_accepted_and_logged(
    service: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client = Client(service, speech_model="universal-9-pro")
        assert client.next()["type"] == "Begin"
        client.close()
    assert "begins with the model universal-9-pro" in caplog.text


def test_a_session_beyond_the_limit_is_refused_until_a_slot_is_free() -> None:
    with LocalService(engine=DeafEngine(), max_sessions=1) as service:
        first = Client(service)
        assert first.next()["type"] == "Begin"
        token = token_of(service)
        assert refusal(Client(service, token=token)) == (
            3009,
            "Too many concurrent sessions: there is room for 1",
        )
        first.terminated()
        second = Client(service, token=token)
        assert second.next()["type"] == "Begin", "its token was not used up"
        second.close()


def test_a_silent_client_loses_its_slot_to_another(clock: Clock) -> None:
    with LocalService(engine=DeafEngine(), max_sessions=1, clock=clock) as service:
        first = Client(service)
        assert first.next()["type"] == "Begin"
        second = admitted_after_silence(service, clock)
        assert refusal(first) == (
            3006,
            "Session terminated due to inactivity: another needed its place",
        )
        second.audio(bytes(3200))
        assert [message["type"] for message in second.terminated()] == ["Termination"]


def admitted_after_silence(service: LocalService, clock: Clock) -> Client:
    """Return the first client that gets the slot of one that stays silent."""
    clients: list[Client] = []

    def is_admitted() -> bool:
        clock.now += 6  # counts once the service waits for the silent client's next message
        clients.append(Client(service))
        return "id" in clients[-1].next()

    wait_until(is_admitted)
    return clients[-1]


@pytest.mark.parametrize("sign", ["KeepAlive", "audio"])
def test_a_client_that_sends_something_keeps_its_slot(clock: Clock, sign: str) -> None:
    with LocalService(engine=DeafEngine(), max_sessions=1, clock=clock) as service:
        first = Client(service)
        assert first.next()["type"] == "Begin"
        assert refusal(Client(service))[0] == 3009
        for _ in range(4):
            clock.now += 3  # altogether far longer than one silence may last
            if sign == "audio":
                first.audio(bytes(3200))
            else:
                first.say("KeepAlive")
            assert refusal(Client(service))[0] == 3009
        assert first.terminated()[-1]["type"] == "Termination"


@needs_vanishing
def test_a_client_whose_cable_was_pulled_loses_its_slot(clock: Clock) -> None:
    with LocalService(engine=DeafEngine(), max_sessions=1, clock=clock) as service:
        first = Client(service)
        assert first.next()["type"] == "Begin"
        first.vanish()
        assert refusal(Client(service))[0] == 3009
        admitted_after_silence(service, clock).close()
        first.close()


@pytest.mark.slow
@needs_vanishing
def test_a_session_whose_cable_was_pulled_ends_even_if_nobody_needs_its_slot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        LocalService(engine=DeafEngine(), keepalive=1) as service,
        caplog.at_level(logging.INFO),
    ):
        client = Client(service)
        assert client.next()["type"] == "Begin"
        client.vanish()
        wait_until(lambda: "the client disconnected" in caplog.text)
        client.close()


@pytest.mark.parametrize("path", ["", "/", "/v3/ws/", "/v3/sw", "/token"])
def test_an_unknown_path_is_not_found(service: LocalService, path: str) -> None:
    url = service.url.removesuffix("/v3/ws") + path
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url, timeout=20, header=KEY)
    assert caught.value.status_code == 404


def test_unknown_parameters_are_ignored(service: LocalService) -> None:
    client = Client(service, filter_profanity="true")
    assert client.next()["type"] == "Begin"
    client.close()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{nonsense", "Invalid JSON"),
        ('{"type": "Sing"}', "Invalid Message Type"),
        ('{"no": "type"}', "Invalid Message Type"),
        ('["Terminate"]', "Invalid Message Type"),
        ('{"type": ["Terminate"]}', "Invalid Message Type"),
    ],
)
def test_a_bad_message_ends_the_session(service: LocalService, text: str, error: str) -> None:
    client = Client(service)
    client.text(text)
    assert refusal(client) == (3006, error)


@pytest.mark.parametrize("milliseconds", [49, 1001])
def test_a_frame_of_bad_length_ends_the_session(service: LocalService, milliseconds: int) -> None:
    client = Client(service)
    client.audio(bytes(32 * milliseconds), milliseconds)
    assert refusal(client) == (
        3007,
        f"Input Duration Violation: {milliseconds} ms. Expected between 50 and 1000 ms",
    )


def test_audio_far_ahead_of_real_time_ends_the_session(clock: Clock) -> None:
    with LocalService(engine=DeafEngine(), clock=clock, look_ahead=5.0) as service:
        client = Client(service)
        client.audio(bytes(32_000 * 6), milliseconds=1000)
        assert refusal(client) == (
            3007,
            "Audio Transmission Rate Exceeded: Received 6.0 sec. audio in 0.0 sec",
        )


def test_a_session_ends_when_its_time_is_up(timed: LocalService, clock: Clock) -> None:
    query = {"expires_in_seconds": "60", "max_session_duration_seconds": "60"}
    client = Client(timed, token=v3_token(timed, **query).json()["token"])
    client.next()
    clock.now += 61
    client.say("KeepAlive")
    client.say("KeepAlive")
    assert refusal(client)[0] == 3008


@pytest.mark.parametrize("keeps", [[], ["ForceEndpoint"], ["KeepAlive"], ["audio"]])
def test_a_session_without_audio_and_keepalive_ends(
    timed: LocalService, clock: Clock, keeps: list[str]
) -> None:
    client = Client(timed, inactivity_timeout="3600", session_heartbeat="true")
    while client.next()["type"] != "Heartbeat":
        pass  # then it waits for the client
    clock.now += 3000
    for sign in keeps:
        client.audio(bytes(3200)) if sign == "audio" else client.say(sign)
    client.say("ForceEndpoint")
    clock.now += 2000
    client.say("ForceEndpoint")
    client.say("Terminate")
    last = client.rest()[-1]
    is_kept = keeps in (["KeepAlive"], ["audio"])
    assert (last["type"], client.close_code) == (
        ("Termination", 1000) if is_kept else ("Error", 3006)
    )
    assert is_kept or last["error"] == "Session terminated due to inactivity"


# Hostile clients

AUDIO = [b"", b"\0", bytes(1598), bytes(1601), bytes(3200), bytes(32_002), bytes(300_000)]
TEXTS = [
    "",
    "null",
    '{"type": "KeepAlive"}',
    '{"type": "ForceEndpoint"}',
    '{"type": "UpdateConfiguration", "vad_threshold": 0.9, "session_heartbeat": true}',
    '{"type": "UpdateConfiguration", "keyterms_prompt": ["' + "x" * 51 + '"]}',
    '{"type": "UpdateConfiguration", "min_turn_silence": 1e308}',
    '{"type": "Terminate", "a": ' + "[" * 1000 + "]" * 1000 + "}",
    '{"type": "' + "x" * 100_000 + '"}',
    "[" * 100_000,
    '"\ufffd\x00"',
]
SENT = st.lists(
    st.sampled_from([*AUDIO, *TEXTS]) | st.text(max_size=50) | st.binary(max_size=200), max_size=6
)


@given(SENT)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_client_sends_its_session_ends_with_a_code(
    silent: LocalService, caplog: pytest.LogCaptureFixture, messages: list[str | bytes]
) -> None:
    client = Client(silent)
    try:
        for message in messages:
            if isinstance(message, bytes):
                client.frames(message or b"\0", len(message) or 1)
            else:
                client.text(message)
        client.say("Terminate")
    except OSError:
        pass  # the service has ended the session already
    said = client.rest()
    assert client.close_code in (1000, 1009, 3006, 3007)
    assert client.close_code == 1009 or said[-1]["type"] in ("Termination", "Error")
    assert not [record for record in caplog.records if record.exc_info]


@pytest.fixture(scope="module")
def silent() -> Iterator[LocalService]:
    with LocalService(engine=DeafEngine()) as service:
        yield service


@pytest.mark.parametrize("first", [bytes(1598), b"\0"])
def test_a_refusal_beside_a_message_that_is_too_long_takes_no_stack_trace(
    silent: LocalService, caplog: pytest.LogCaptureFixture, first: bytes
) -> None:
    for _ in range(20):
        client = Client(silent)
        client.frames(first, len(first))
        client.text("x" * 300_000)
        client.rest()
        assert client.close_code in (1009, 3006, 3007)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("size", [262_145, 3_000_000])
def test_a_message_that_is_too_long_is_refused_with_its_code(
    silent: LocalService, size: int
) -> None:
    client = Client(silent)
    assert client.next()["type"] == "Begin"
    client.text("x" * size)
    client.text("and more")
    assert client.rest() == []
    assert (client.close_code, client.close_reason) == (1009, "Message too big")


def test_a_client_that_pings_and_does_not_read_is_cut_off(silent: LocalService) -> None:
    client = Client(silent)
    assert client.next()["type"] == "Begin"
    ping = b"\x89\xfd" + bytes(4) + bytes(125)

    def flood() -> None:
        for _ in range(300):  # 39 MB in all, more than kernels buffer
            client.raw(ping * 1000)

    with pytest.raises(ConnectionError):
        flood()
