import io
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from appliance.core.errors import ActionError
from appliance.voice_commands.actions.webhook import Message, call, host_of
from tests.rig.certificates import self_signed
from tests.voice_commands.web import Behaviour, Web, drips, hangs, hangs_up, says, sends

MESSAGE = Message("kitchen", "turn on the lamp", "Turn on the lamp.", "2026-11-22T17:00:00+01:00")
SECRET = "hunter2"
PATH = f"/hook/{SECRET}?key={SECRET}"


def refusal(url: str, **options: Any) -> str:  # noqa: ANN401
    with pytest.raises(ActionError) as refused:
        call(url, MESSAGE, **options)
    # What is raised on the way may hold the address; nobody may see it.
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="appliance")
    return caplog


def impatient(*args: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - requests.post's
    """Post, but wait for less than is usual."""
    return requests.post(*args, **{**options, "timeout": 0.3})


def test_the_words_are_posted_as_json() -> None:
    with Web(says(204)) as web:
        call(web.url + PATH, MESSAGE)
    (request,) = web.requests
    assert (request.path, request.headers["Content-Type"]) == (PATH, "application/json")
    assert request.json == {
        "appliance": "kitchen",
        "command": "turn on the lamp",
        "words": "Turn on the lamp.",
        "time": "2026-11-22T17:00:00+01:00",
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_one(status: int) -> None:
    with Web(says(status)) as web:
        call(web.url, MESSAGE)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_what_the_host_says_is_reported(status: int) -> None:
    with Web(says(status)) as web:
        assert refusal(web.url + PATH) == f"127.0.0.1 says {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_not_followed(status: int) -> None:
    with Web(says(204)) as on_fallback, Web(says(status, Location=on_fallback.url)) as web:
        assert refusal(web.url) == f"127.0.0.1 says {status}"
    assert len(web.requests) == 1
    assert not on_fallback.requests


def test_a_body_that_never_ends_is_not_read() -> None:
    with Web(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")) as web:
        call(web.url, MESSAGE)
        assert not web.released.is_set()


def test_a_host_that_refuses_has_no_answer() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert refusal(f"http://127.0.0.1:{unused.getsockname()[1]}") == "no answer from 127.0.0.1"


@pytest.mark.parametrize("behaviour", [hangs_up, sends(b"\0\1\2\n\n"), sends(b"220 mail.lan\r\n")])
def test_a_host_that_answers_nonsense_has_no_answer(behaviour: Behaviour) -> None:
    with Web(behaviour) as web:
        assert refusal(web.url + PATH) == "no answer from 127.0.0.1"


def test_a_host_that_hangs_is_not_waited_for() -> None:
    with Web(hangs) as web:
        assert refusal(web.url, http=impatient) == "sent, no answer from 127.0.0.1"
        assert not web.released.is_set()


def test_an_answer_that_drips_is_not_waited_for() -> None:
    with Web(drips(b"HTTP/1.1 200 OK\r\nX-Header: ")) as web:
        assert refusal(web.url, total_timeout=0.5) == "sent, no answer from 127.0.0.1"
        assert not web.released.is_set()


def test_a_name_that_nobody_has_has_no_answer() -> None:
    assert refusal("http://lamp.invalid/") == "no answer from lamp.invalid"


def test_a_certificate_of_nobody_known_is_not_trusted(tmp_path: Path) -> None:
    with Web(says(204), self_signed(tmp_path).context) as web:
        assert refusal(web.url) == "127.0.0.1 is not trusted"
    assert not web.requests


@pytest.mark.parametrize(
    "url",
    [
        "http://[bad/x",
        "http://lamp.local:99999/",
        "http://lamp.local:port/",
        "http://:80/",
        "http://a..b/",
        "http://lamp .local/",
    ],
)
def test_an_address_that_is_none_is_reported(url: str) -> None:
    assert refusal(url) == "its address is wrong"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (f"https://owner:{SECRET}@Lamp.local:8443/{SECRET}?{SECRET}#{SECRET}", "lamp.local"),
        ("http://[fd00::1]/x", "fd00::1"),
        (f"http://[{SECRET}/x", "the webhook"),
        (f"http://:80/{SECRET}", "the webhook"),
    ],
)
def test_of_an_address_only_the_host_is_shown(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "behaviour",
    [says(404), says(302, Location=f"/{SECRET}"), hangs, hangs_up, sends(b"\0\n\n")],
    ids=["404", "302", "hangs", "hangs up", "nonsense"],
)
def test_the_address_is_neither_shown_nor_logged(
    logged: pytest.LogCaptureFixture,
    behaviour: Behaviour,
) -> None:
    with Web(behaviour) as web:
        told = refusal(web.url + PATH, http=impatient)
    assert SECRET not in told
    assert SECRET not in logged.text


@pytest.mark.parametrize("url", [f"http://[{SECRET}/x", f"http://a..b/{SECRET}"])
def test_a_wrong_address_is_not_shown_either(logged: pytest.LogCaptureFixture, url: str) -> None:
    assert SECRET not in refusal(url)
    assert SECRET not in logged.text


def test_what_was_said_is_in_the_body_alone() -> None:
    said = (
        "Turn on the lamp {words} %s $(reboot) `id` ../../etc\r\nX-Injected: 1 \N{SNOWMAN} & ?a=b#c"
    )
    message = Message("kitchen", "turn on the lamp", said, "2026-11-22T17:00:00+01:00")
    with Web(says(204)) as web:
        call(f"{web.url}/hook?words=%7Bwords%7D", message)
    (request,) = web.requests
    assert request.path == "/hook?words=%7Bwords%7D"
    assert "X-Injected" not in request.headers
    assert request.json["words"] == said


def test_any_way_to_post_will_do() -> None:
    asked: list[tuple[str, bytes]] = []

    def post(url: str, data: bytes, **_: object) -> requests.Response:
        asked.append((url, data))
        response = requests.Response()
        response.status_code = 418
        response.raw = io.BytesIO()
        return response

    assert refusal("http://lamp.local/x", http=post) == "lamp.local says 418"
    assert asked[0][0] == "http://lamp.local/x"
