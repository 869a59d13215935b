import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from appliance.servers.token_server.server import TokenServer
from appliance.streaming.outcomes import Outcome, Reaction, Stage, rule_for
from appliance.streaming.tokens import TokenSource
from tests.rig.client import Client
from tests.rig.service import ScriptedService
from tests.servers.token_server.token_servers import appliance, options, refused, register

ORIGIN = "https://captions.example.org"


@pytest.fixture
def vendor() -> Iterator[ScriptedService]:
    with ScriptedService() as vendor:
        yield vendor


def test_an_appliance_with_its_secret_gets_a_token(vendor: ScriptedService, tmp_path: Path) -> None:
    secret = register(tmp_path).add("kitchen")
    with TokenServer(options(tmp_path, vendor)) as server:
        source = appliance(server, secret, tmp_path)
        assert [source.fetch(), source.fetch()] == [token.value for token in vendor.tokens]


def test_the_token_opens_a_session_at_the_vendors(vendor: ScriptedService, tmp_path: Path) -> None:
    with TokenServer(options(tmp_path, vendor)) as server:
        client = Client(vendor.url, token=appliance(server, "", tmp_path).fetch())
    client.send({"type": "Terminate"})
    said = [message.get("type") for message in client.messages()]
    client.close()
    assert said[0] == "Begin"
    assert "Termination" in said
    assert vendor.violations == []


def test_the_answer_has_the_tokens_lifetime_and_must_not_be_cached(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    with TokenServer(options(tmp_path, vendor, expires_in=45)) as server:
        answer = requests.get(server.url, timeout=20)
    assert answer.json() == {"token": vendor.tokens[0].value, "expires_in_seconds": 45}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_head_request_mints_no_token(vendor: ScriptedService, tmp_path: Path) -> None:
    with TokenServer(options(tmp_path, vendor)) as server:
        assert requests.head(server.url, timeout=20).status_code == 405
    assert vendor.token_requests == []


def test_strangers_are_refused_with_a_reason(vendor: ScriptedService, tmp_path: Path) -> None:
    register(tmp_path).add("kitchen")
    with TokenServer(options(tmp_path, vendor)) as server:
        assert refused(appliance(server, "wrong", tmp_path)) == (401, "Secret refused")
        assert refused(appliance(server, "", tmp_path)) == (401, "No secret given")
        for given in ("Basic d3Jvbmc6", "the-api-key", "Bearer the-api-key"):
            answer = requests.get(server.url, headers={"Authorization": given}, timeout=20)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert vendor.token_requests == []


def test_a_change_of_the_register_needs_no_restart(vendor: ScriptedService, tmp_path: Path) -> None:
    with TokenServer(options(tmp_path, vendor)) as server:
        secret = register(tmp_path).add("kitchen")
        source = appliance(server, secret, tmp_path)
        assert source.fetch()
        assert refused(appliance(server, "", tmp_path)) == (401, "No secret given")
        register(tmp_path).add("workshop")
        assert source.fetch()
        register(tmp_path).remove("kitchen")
        assert refused(source) == (401, "Secret refused")
        register(tmp_path).remove("workshop")
        assert refused(source) == (403, "No appliance added")


def test_two_servers_and_a_restarted_one_share_a_register(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    secret = register(tmp_path).add("kitchen")
    settings = options(tmp_path, vendor)
    with TokenServer(settings) as one, TokenServer(settings) as other:
        assert appliance(one, secret, tmp_path).fetch()
        assert appliance(other, secret, tmp_path).fetch()
    with TokenServer(settings) as again:
        assert appliance(again, secret, tmp_path).fetch()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "127.0.0.1"},
        {"Host": "rebound.example.org"},
        {"Host": "rebound_to_here.example.org:8766"},
        {"Host": "127.0.0.1.example.org"},
        {"Host": "127.0.0.1:1:2"},
        {"Host": ""},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
    ],
)
def test_without_a_register_only_this_machine_is_served_if_it_is_allowed(
    vendor: ScriptedService, tmp_path: Path, headers: dict[str, str]
) -> None:
    with TokenServer(options(tmp_path, vendor)) as server:
        answer = requests.get(server.url, headers=headers, timeout=20)
        assert (answer.status_code, answer.json()) == (403, {"error": "No appliance added"})
        assert vendor.token_requests == []
        assert requests.get(server.url, timeout=20).ok
        assert requests.get(server.url, headers={"Host": "localhost:80"}, timeout=20).ok


@pytest.mark.parametrize("allow_local", [False, True])
@pytest.mark.parametrize("when", ["never", "before the start", "while it runs", "file lost"])
def test_a_register_that_existed_serves_only_who_stands_in_it(
    vendor: ScriptedService, tmp_path: Path, when: str, allow_local: bool
) -> None:
    if when == "before the start":
        register(tmp_path).add("kitchen")
        register(tmp_path).remove("kitchen")
    with TokenServer(options(tmp_path, vendor, allow_local=allow_local)) as server:
        if when in ("while it runs", "file lost"):
            source = appliance(server, register(tmp_path).add("kitchen"), tmp_path)
            assert source.fetch()
            register(tmp_path).remove("kitchen")
            assert refused(source)[0] == 403
        if when == "file lost":
            register(tmp_path).path.unlink()
        served = len(vendor.tokens)
        answer = requests.get(server.url, timeout=20)
        if when == "never" and allow_local:
            assert answer.ok
        else:
            assert (answer.status_code, answer.json()) == (403, {"error": "No appliance added"})
            assert len(vendor.tokens) == served


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:80"])
def test_a_page_of_this_machine_may_read_answers(
    vendor: ScriptedService, tmp_path: Path, origin: str
) -> None:
    with TokenServer(options(tmp_path, vendor)) as server:
        answer = requests.get(server.url, headers={"Origin": origin}, timeout=20)
        assert answer.json()["token"]
        assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_a_registered_appliance_is_served_through_a_proxy(
    vendor: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = register(tmp_path).add("kitchen")
    headers = {"Authorization": f"bearer {secret}", "X-Forwarded-For": "203.0.113.7"}
    with caplog.at_level(logging.INFO), TokenServer(options(tmp_path, vendor)) as server:
        assert requests.get(server.url, headers=headers, timeout=20).ok
    assert "a token for kitchen at 203.0.113.7" in caplog.text


def test_each_appliance_has_a_rate_limit_of_its_own(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    kitchen, workshop = register(tmp_path).add("kitchen"), register(tmp_path).add("workshop")
    with TokenServer(options(tmp_path, vendor, per_minute=2)) as server:
        source = appliance(server, kitchen, tmp_path)
        assert source.fetch()
        assert source.fetch()
        assert refused(source) == (429, "Too many requests")
        answer = requests.get(
            server.url, headers={"Authorization": f"Bearer {kitchen}"}, timeout=20
        )
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert appliance(server, workshop, tmp_path).fetch()
    assert len(vendor.tokens) == 3


def test_guesses_do_not_delay_an_appliance(vendor: ScriptedService, tmp_path: Path) -> None:
    secret = register(tmp_path).add("kitchen")
    with TokenServer(options(tmp_path, vendor)) as server:
        met: list[int] = []

        def guess() -> None:
            headers = {"Authorization": "Bearer guessed"}
            met.append(requests.get(server.url, headers=headers, timeout=20).status_code)

        guessing = [threading.Thread(target=guess, name="guess") for _ in range(40)]
        for thread in guessing:
            thread.start()
        assert appliance(server, secret, tmp_path).fetch()
        for thread in guessing:
            thread.join()
    assert met == [401] * 40


def test_a_removed_appliance_is_refused_amid_a_flood(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    kitchen, workshop = register(tmp_path).add("kitchen"), register(tmp_path).add("workshop")
    with TokenServer(options(tmp_path, vendor, per_minute=1)) as server:
        register(tmp_path).remove("kitchen")
        refusals: list[tuple[int | None, str]] = []
        sources = [appliance(server, secret, tmp_path) for secret in (kitchen, workshop)]

        def ask(source: TokenSource) -> None:
            refusals.append(refused(source))

        assert sources[1].fetch()
        asking = [
            threading.Thread(target=ask, args=[source], name="ask") for source in sources * 50
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
    assert refusals.count((401, "Secret refused")) == 50
    assert refusals.count((429, "Too many requests")) == 50


def test_a_flood_of_strangers_takes_one_log_line_of_each_kind(
    vendor: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kitchen = register(tmp_path).add("kitchen")
    with TokenServer(options(tmp_path, vendor, per_minute=1)) as server:
        for headers in ({}, {"Authorization": f"Bearer {kitchen}"}):
            for _ in range(30):
                requests.get(server.url, headers=headers, timeout=20)
        for _ in range(3):
            requests.get(server.url, headers={"Authorization": "Bearer guessed"}, timeout=20)
    said = [record.getMessage() for record in caplog.records if "no token" in record.getMessage()]
    assert [line.partition(" (")[0] for line in said] == [
        "no token for a stranger at 127.0.0.1: No secret given",
        "no token for kitchen at 127.0.0.1: Too many requests",
        "no token for a stranger at 127.0.0.1: Secret refused",
    ]


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (401, "Unauthorized", (403, "API key refused")),
        (402, "Insufficient funds", (402, "No credit left")),
        (429, "Too many", (429, "Service is busy")),
        (500, "Oops", (502, "Service fault")),
    ],
)
def test_the_vendors_refusal_reaches_the_appliance_as_one_of_its_own_reasons(
    vendor: ScriptedService, tmp_path: Path, status: int, said: str, expected: tuple[int, str]
) -> None:
    vendor.token_answer = status, {"error": said}
    with TokenServer(options(tmp_path, vendor)) as server:
        assert refused(appliance(server, "", tmp_path)) == expected


def test_a_new_key_works_without_a_restart(vendor: ScriptedService, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("an-old-key")
    with TokenServer(options(tmp_path, vendor)) as server:
        source = appliance(server, "", tmp_path)
        assert refused(source) == (403, "API key refused")
        (tmp_path / "key").write_text(vendor.api_key)
        assert source.fetch()


def test_a_page_of_an_allowed_origin_may_send_requests(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    secret = register(tmp_path).add("page")
    with TokenServer(options(tmp_path, vendor, origins=(f"{ORIGIN}/",))) as server:
        asked = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        preflight = requests.options(server.url, headers=asked, timeout=20)
        assert preflight.ok
        assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
        right = {"Origin": ORIGIN, "Authorization": f"Bearer {secret}"}
        for headers in (right, {"Origin": ORIGIN}):  # a page may read refusals, too
            answer = requests.get(server.url, headers=headers, timeout=20)
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_page_of_another_origin_may_not_send_requests(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    foreign = {"Origin": "https://evil.example.org", "Access-Control-Request-Method": "GET"}
    for origins in ((), (ORIGIN,)):
        with TokenServer(options(tmp_path, vendor, origins=origins)) as server:
            assert not requests.options(server.url, headers=foreign, timeout=20).ok
            answer = requests.get(server.url, headers=foreign, timeout=20)
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_health_needs_no_request_to_the_vendor(vendor: ScriptedService, tmp_path: Path) -> None:
    register(tmp_path).add("kitchen")
    with TokenServer(options(tmp_path, vendor)) as server:
        health = server.url.replace("/token", "/healthz")
        assert requests.get(health, timeout=20).json() == {"status": "ok"}
        (tmp_path / "key").write_text("")
        answer = requests.get(health, timeout=20)
        assert (answer.status_code, answer.json()) == (503, {"error": "No API key"})
    assert vendor.token_requests == []


def test_other_failed_requests_are_answered_in_the_same_form(
    vendor: ScriptedService, tmp_path: Path
) -> None:
    with TokenServer(options(tmp_path, vendor)) as server:
        nowhere = requests.get(f"{server.url}s", timeout=20)
        assert (nowhere.status_code, nowhere.json()) == (404, {"error": "Not Found"})
        assert requests.post(server.url, timeout=20).status_code == 405


def test_the_log_has_a_line_for_each_request_and_no_secret(
    vendor: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = register(tmp_path).add("kitchen")
    with caplog.at_level(logging.DEBUG), TokenServer(options(tmp_path, vendor)) as server:
        token = appliance(server, secret, tmp_path).fetch()
        refused(appliance(server, "guessed-it", tmp_path))
        right = {"Authorization": f"Bearer {secret}"}
        requests.get(f"{server.url}?secret=in-the-query", headers=right, timeout=20)
        vendor.token_answer = 401, {"error": f"{vendor.api_key} is no key"}
        refused(appliance(server, secret, tmp_path))
        said = [r.getMessage() for r in caplog.records if r.name.startswith("appliance.servers")]
    lines = [line for line in said if " for " in line]
    assert lines == [
        "a token for kitchen at 127.0.0.1",
        "no token for a stranger at 127.0.0.1: Secret refused",
        "a token for kitchen at 127.0.0.1",
        "no token for kitchen at 127.0.0.1: API key refused (the vendor: 401, … is no key)",
    ]
    own = "\n".join(
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(("appliance.servers", "uvicorn", "asyncio"))
    )
    for hidden in (secret, token, vendor.tokens[1].value, "guessed-it", "in-the-query"):
        assert hidden not in own
    assert vendor.api_key not in own


def test_a_damaged_register_is_logged_once_and_known_appliances_are_served(
    vendor: ScriptedService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = register(tmp_path).add("kitchen")
    with TokenServer(options(tmp_path, vendor)) as server:
        source = appliance(server, secret, tmp_path)
        register(tmp_path).path.write_text("{")
        assert source.fetch()
        assert source.fetch()
        assert refused(appliance(server, "", tmp_path)) == (401, "No secret given")
    assert caplog.text.count("is damaged") == 1


@pytest.mark.parametrize(
    ("status", "error", "shown"),
    [
        (503, "No API key", "No API key"),
        (403, "Account disabled", "Account disabled"),
        (403, "No appliance added", "Not admitted"),
        (401, "Secret refused", "Secret refused"),
        (401, "No secret given", "Secret refused"),
        (403, "API key refused", "Key refused"),
        (502, "Service out of reach", "Can't reach the service"),
        (504, "Service is too slow", "Can't reach the service"),
        (502, "Service fault", "Token server fault"),
        (429, "Too many requests", "Service is busy"),
        (402, "No credit left", "No credit left"),
    ],
)
def test_each_reason_has_words_on_the_appliances_screen(
    status: int, error: str, shown: str
) -> None:
    assert rule_for(Outcome(Stage.TOKEN, status, error)).what == shown


@pytest.mark.parametrize("status", [400, 401, 402, 403, 429, 502, 503, 504])
def test_the_appliance_has_a_reaction_to_each_status(status: int) -> None:
    rule = rule_for(Outcome(Stage.TOKEN, status))
    expected = {401: Reaction.OWNER, 402: Reaction.OWNER, 403: Reaction.OWNER, 400: Reaction.OWNER}
    assert rule.reaction is expected.get(status, Reaction.WAIT if status == 429 else Reaction.RETRY)
