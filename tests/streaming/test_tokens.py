import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from appliance.core.network_errors import Cause
from appliance.servers.local_service.server import LocalService
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Reaction, Stage, rule_for
from appliance.streaming.tokens import TokenError, TokenSource
from tests.rig.service import ScriptedService

SECRET = "sk-very-secret"


def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Any:  # noqa: ANN401
    """Return a stand-in for `requests.get` that always gets this answer."""
    response = requests.Response()
    response.status_code = status
    response.raw = io.BytesIO(body)
    response.headers.update(headers or {})
    return lambda *_args, **_options: response


def refusal(source: TokenSource) -> TokenError:
    with pytest.raises(TokenError) as refused:
        source.fetch()
    assert refused.value.outcome.stage is Stage.TOKEN
    return refused.value


SERVER = ServiceSettings(token_url="http://127.0.0.1/token")


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSEMBLYAI_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_a_token_comes_from_the_owners_server(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    with ScriptedService() as service:
        settings = ServiceSettings(token_url=service.token_url, token_secret_file=str(secret))
        token = TokenSource(settings).fetch()
        assert token == service.tokens[0].value
        assert service.token_requests[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_token_server_may_want_no_secret() -> None:
    with ScriptedService() as service:
        TokenSource(ServiceSettings(token_url=service.token_url)).fetch()
        assert "Authorization" not in service.token_requests[0].headers


def test_a_token_is_minted_beside_the_service(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with ScriptedService() as service:
        key.write_text(service.api_key)
        settings = ServiceSettings(url=service.url, api_key_file=str(key))
        assert TokenSource(settings).fetch() == service.tokens[0].value
        (request,) = service.token_requests
        assert request.path == "/v3/token?expires_in_seconds=60"
        assert request.headers["Authorization"] == service.api_key


def test_each_fetch_reads_the_key_again(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("wrong")
    with ScriptedService() as service:
        source = TokenSource(ServiceSettings(url=service.url, api_key_file=str(key)))
        assert rule_for(refusal(source).outcome).reaction is Reaction.OWNER
        key.write_text(service.api_key)
        assert source.fetch()


def test_the_key_is_looked_for_in_three_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def get(_url: str, headers: dict[str, str], **_options: object) -> requests.Response:
        seen.append(headers["Authorization"])
        response: requests.Response = answer(b'{"token": "t"}')()
        return response

    (tmp_path / "file").write_text("from the file")
    (tmp_path / "assemblyai-api-key").write_text("from the credential")
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", " from the environment ")
    TokenSource(ServiceSettings(), get).fetch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    TokenSource(ServiceSettings(), get).fetch()
    TokenSource(ServiceSettings(api_key_file=str(tmp_path / "file")), get).fetch()
    TokenSource(ServiceSettings(api_key_file=str(tmp_path / "nowhere")), get).fetch()
    assert seen == [
        "from the environment",
        "from the credential",
        "from the file",
        "from the credential",
    ]


def test_the_token_servers_secret_is_looked_for_in_two_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def get(_url: str, headers: dict[str, str], **_options: object) -> requests.Response:
        seen.append(headers.get("Authorization"))
        response: requests.Response = answer(b'{"token": "t"}')()
        return response

    TokenSource(SERVER, get).fetch()
    (tmp_path / "file").write_text("from-the-file")
    (tmp_path / "appliance-token-secret").write_text("from-the-credential")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    TokenSource(SERVER, get).fetch()
    named = msgspec.structs.replace(SERVER, token_secret_file=str(tmp_path / "file"))
    TokenSource(named, get).fetch()
    assert seen == [None, "Bearer from-the-credential", "Bearer from-the-file"]


def test_a_missing_key_is_a_cause_of_its_own() -> None:
    assert refusal(TokenSource(ServiceSettings())).outcome.cause is Cause.NO_KEY


def test_a_key_file_from_windows_works(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with ScriptedService() as service:
        key.write_bytes(b"\xef\xbb\xbf" + service.api_key.encode() + b"\r\n")
        assert TokenSource(ServiceSettings(url=service.url, api_key_file=str(key))).fetch()


def test_a_key_that_fits_no_header_is_for_the_owner_to_fix(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-\N{EN DASH}-pasted", encoding="utf-8")
    source = TokenSource(ServiceSettings(url="ws://127.0.0.1:9/v3/ws", api_key_file=str(key)))
    assert refusal(source).outcome.cause is Cause.UNUSABLE


@pytest.mark.parametrize(
    "settings",
    [
        ServiceSettings(token_url="http://127.0.0.1:99999/token"),
        ServiceSettings(token_url="http://[bad/token"),
        ServiceSettings(token_url="https://a..b/token"),
        ServiceSettings(url="ws://[bad/v3/ws", api_key_file=__file__),
    ],
)
def test_an_invalid_address_is_for_the_owner_to_fix(settings: ServiceSettings) -> None:
    assert refusal(TokenSource(settings)).outcome.cause is Cause.UNUSABLE


def test_an_error_that_is_null_is_none() -> None:
    body = b'{"token": "t", "error": null, "more": 1}'
    assert TokenSource(SERVER, answer(body)).fetch() == "t"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"token": ""}',
        b'{"token": " \\n"}',
        b'{"token": null}',
        b'{"token": 5}',
        b'{"token": "' + b"t" * 20_000 + b'"}',
        b'{"token": "t", "error": "no"}',
        b'{"token": "t", "error": {"message": "no"}}',
        b'{"error":' + b"[" * 15_000,
        b'{"error":' + b"[" * 15_000 + b"]" * 15_000 + b"}",
        b'{"error": ' + b"9" * 15_000 + b"}",
    ],
)
def test_an_answer_without_a_valid_token_has_no_token(body: bytes) -> None:
    assert refusal(TokenSource(SERVER, answer(body))).outcome.cause is Cause.NO_TOKEN


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize(
    ("said", "what", "reaction"),
    [
        ("Insufficient account balance", "No credit left", Reaction.OWNER),
        ("Your account has run out of credits", "No credit left", Reaction.OWNER),
        ("Too many concurrent sessions", "Service is busy", Reaction.WAIT),
        ("Account disabled", "Account disabled", Reaction.OWNER),
        ("Your account has been suspended", "Account disabled", Reaction.OWNER),
        ("Rate limit exceeded", "Service is busy", Reaction.WAIT),
    ],
)
def test_an_error_in_words_explains_a_refusal_whatever_its_status(
    status: int, encoding: str, said: str, what: str, reaction: Reaction
) -> None:
    for error in (said, {"message": said}):
        body = json.dumps({"error": error, "more": "x" * 10_000}).encode(encoding)
        rule = rule_for(refusal(TokenSource(SERVER, answer(body, status))).outcome)
        assert (rule.what, rule.reaction) == (what, reaction)


@pytest.mark.parametrize("status", [200, 400, 401, 403])
@pytest.mark.parametrize("place", ["error", "message", "detail"])
@pytest.mark.parametrize(
    "said",
    ["Unauthorized", "Unauthorised: bad key", "invalid API key", "Not authenticated", "Forbidden"],
)
def test_a_refusal_of_the_key_is_known_by_its_words(status: int, place: str, said: str) -> None:
    for words in (said, {"message": said}, [{"msg": said}]):
        body = json.dumps({place: words}).encode()
        outcome = refusal(TokenSource(SERVER, answer(body, status))).outcome
        rule = rule_for(outcome)
        assert (rule.what, rule.reaction) == ("Key refused", Reaction.OWNER)
        assert said in outcome.text


def test_other_words_without_a_token_refuse_no_key() -> None:
    for body in (b'{"error": "out of order"}', b'{"message": "Hello"}', b'{"detail": []}'):
        assert rule_for(refusal(TokenSource(SERVER, answer(body))).outcome).what != "Key refused"


@pytest.mark.parametrize("place", ["message", "detail"])
def test_words_beside_a_token_are_no_refusal(place: str) -> None:
    body = json.dumps({"token": "t", place: "Unauthorized from tomorrow on"}).encode()
    assert TokenSource(SERVER, answer(body)).fetch() == "t"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_status_counts_before_the_body(status: int) -> None:
    outcome = refusal(TokenSource(SERVER, answer(b'{"token": "t"}', status))).outcome
    assert outcome.code == status


def test_the_servers_words_are_in_the_outcome() -> None:
    outcome = refusal(TokenSource(SERVER, answer(b'{"error": "Unknown device"}', 403))).outcome
    assert (outcome.code, outcome.text) == (403, "Unknown device")


def test_a_redirection_is_not_followed() -> None:
    with ScriptedService() as service:
        on_fallback = {"Location": service.token_url}
        source = TokenSource(SERVER, answer(b"", 302, on_fallback))
        assert refusal(source).outcome.code == 302
        assert service.token_requests == []


def test_no_secret_is_in_the_error_even_if_the_server_repeats_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    body = f'{{"error": "{SECRET} is unknown, so is Bearer {SECRET}"}}'.encode()
    settings = ServiceSettings(token_url="http://127.0.0.1/token", token_secret_file=str(secret))
    refused = refusal(TokenSource(settings, answer(body, 401)))
    assert SECRET not in str(refused) + repr(refused.outcome)
    assert "is unknown" in refused.outcome.text


def test_a_server_that_is_down_is_a_network_error() -> None:
    with ScriptedService() as service:
        service.token_down_for()
        source = TokenSource(ServiceSettings(token_url=service.token_url))
        refused = refusal(source)
        assert refused.outcome.cause is Cause.NETWORK
        assert refused.__suppress_context__
        service.token_up()
        assert source.fetch()


def test_an_unknown_name_is_a_dns_error() -> None:
    source = TokenSource(ServiceSettings(token_url="http://nowhere.invalid/token"))
    assert refusal(source).outcome.cause is Cause.DNS


def test_an_answer_that_drips_in_is_given_up() -> None:
    clock = iter(range(0, 100, 5))
    source = TokenSource(SERVER, answer(b'{"token": "t"}'), lambda: next(clock))
    assert refusal(source).outcome.cause is Cause.TIMEOUT


# Tokens of the fallback


@pytest.fixture
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "key-in-the-environment")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "assemblyai-api-key").write_text("key-of-systemd")
    (tmp_path / "key").write_text("key-in-a-file")
    (tmp_path / "appliance-token-secret").write_text(SECRET)


def asked(
    settings: ServiceSettings, folder: Path, *, fallback: bool = True
) -> tuple[str, str | None]:
    """Return where the fallback's (or primary's) token is fetched, and with which header."""
    seen: list[tuple[str, str | None]] = []

    def get(url: str, headers: dict[str, str], **_options: object) -> requests.Response:
        seen.append((url, headers.get("Authorization")))
        response: requests.Response = answer(b'{"token": "t"}')()
        return response

    given = msgspec.structs.replace(settings, api_key_file=str(folder / "key"))
    assert TokenSource(given, get, fallback=fallback).fetch() == "t"
    return seen[0]


@pytest.mark.usefixtures("_secrets")
@pytest.mark.parametrize(
    ("fallback_url", "token_url"),
    [
        ("ws://house:8765/v3/ws", "http://house:8765/token"),
        ("wss://house/speech/v3/ws", "https://house/speech/token"),
        ("ws://[fd00::5]:8765/v3/ws?tenant=1", "http://[fd00::5]:8765/token"),
        ("ws://house/ws", "http://house/token"),
        ("ws://house", "http://house/token"),
    ],
)
def test_the_fallback_gives_out_its_tokens_itself_and_sees_no_secret(
    tmp_path: Path, fallback_url: str, token_url: str
) -> None:
    settings = ServiceSettings(fallback_url=fallback_url)
    assert asked(settings, tmp_path) == (token_url, None)
    with_server = msgspec.structs.replace(settings, token_url="https://tokens.example/token")
    assert asked(with_server, tmp_path) == (token_url, None)


@pytest.mark.usefixtures("_secrets")
@pytest.mark.parametrize(
    ("token_url", "fallback_token_url", "secret"),
    [
        ("", "https://tokens.example/token", f"Bearer {SECRET}"),
        ("https://tokens.example/a", "https://tokens.example/b", f"Bearer {SECRET}"),
        ("https://tokens.example/token", "https://house/token", None),
        ("https://tokens.example/token", "http://tokens.example/token", None),
        ("https://tokens.example/token", "https://tokens.example:8443/token", None),
    ],
)
def test_the_secret_goes_only_to_the_server_that_it_is_for(
    tmp_path: Path, token_url: str, fallback_token_url: str, secret: str | None
) -> None:
    settings = ServiceSettings(
        fallback_url="wss://eu.example/v3/ws",
        token_url=token_url,
        fallback_token_url=fallback_token_url,
    )
    assert asked(settings, tmp_path) == (fallback_token_url, secret)


OWN_SECRET = "key-of-the-fallback-alone"


@pytest.fixture(params=["file", "credential"])
def own_secret_file(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The setting that leads to `OWN_SECRET`: a file, or nothing for a credential of systemd."""
    name = {"file": "own", "credential": "appliance-fallback-token-secret"}[request.param]
    (tmp_path / name).write_text(f"{OWN_SECRET}\n")
    return str(tmp_path / name) if request.param == "file" else ""


@pytest.mark.usefixtures("_secrets")
@pytest.mark.parametrize(
    ("token_url", "fallback_token_url", "sent_to"),
    [
        ("", "", "http://house:8765/token"),
        ("https://tokens.example/token", "", "http://house:8765/token"),
        ("https://tokens.example/token", "https://house/t", "https://house/t"),
        ("https://tokens.example/a", "https://tokens.example/b", "https://tokens.example/b"),
    ],
)
def test_the_fallbacks_own_secret_goes_to_its_token_address(
    tmp_path: Path, own_secret_file: str, token_url: str, fallback_token_url: str, sent_to: str
) -> None:
    settings = ServiceSettings(
        fallback_url="ws://house:8765/v3/ws",
        token_url=token_url,
        fallback_token_url=fallback_token_url,
        fallback_token_secret_file=own_secret_file,
    )
    assert asked(settings, tmp_path) == (sent_to, f"Bearer {OWN_SECRET}")


@pytest.mark.usefixtures("_secrets")
@pytest.mark.parametrize(
    ("token_url", "first_gets"),
    [("http://house:8765/token", f"Bearer {SECRET}"), ("", "key-in-a-file")],
)
def test_the_fallbacks_own_secret_goes_nowhere_else(
    tmp_path: Path, own_secret_file: str, token_url: str, first_gets: str
) -> None:
    settings = ServiceSettings(
        url="ws://house:8765/v3/ws",
        token_url=token_url,
        fallback_url="ws://house:8765/v3/ws",
        fallback_token_secret_file=own_secret_file,
    )
    _url, secret = asked(settings, tmp_path, fallback=False)
    assert secret == first_gets


def test_the_fallbacks_own_secret_follows_no_redirection(
    tmp_path: Path, own_secret_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with ScriptedService() as service:
        settings = ServiceSettings(
            fallback_url="ws://house:8765/v3/ws", fallback_token_secret_file=own_secret_file
        )
        get = answer(b"", 302, {"Location": service.token_url})
        assert refusal(TokenSource(settings, get, fallback=True)).outcome.code == 302
        assert service.token_requests == []


def test_the_fallbacks_own_secret_is_not_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "own").write_text(OWN_SECRET)
    body = f'{{"error": "{OWN_SECRET} is unknown"}}'.encode()
    settings = ServiceSettings(
        fallback_url="ws://house/v3/ws", fallback_token_secret_file=str(tmp_path / "own")
    )
    refused = refusal(TokenSource(settings, answer(body, 401), fallback=True))
    assert OWN_SECRET not in str(refused) + repr(refused.outcome)
    assert "is unknown" in refused.outcome.text


def test_a_local_service_with_a_key_is_the_fallback_of_a_box_with_a_token_server(
    tmp_path: Path,
) -> None:
    (tmp_path / "key").write_text(OWN_SECRET)
    settings = ServiceSettings(token_url="https://tokens.example/token")
    with LocalService(keys=[OWN_SECRET]) as service:
        there = msgspec.structs.replace(settings, fallback_url=service.url)
        keyed = msgspec.structs.replace(there, fallback_token_secret_file=str(tmp_path / "key"))
        assert refusal(TokenSource(there, fallback=True)).outcome.code == 401
        assert TokenSource(keyed, fallback=True).fetch()


@pytest.mark.parametrize(
    ("within", "limits"),
    [(None, (5.0, 8.0)), (60.0, (5.0, 8.0)), (6.0, (5.0, 6.0)), (0.0, (0.1, 0.1))],
)
def test_a_fetch_takes_no_longer_than_asked_for(
    within: float | None, limits: tuple[float, float]
) -> None:
    seen: list[object] = []

    def get(_url: str, timeout: tuple[float, float], **_options: object) -> requests.Response:
        seen.append(timeout)
        response: requests.Response = answer(b'{"token": "t"}')()
        return response

    TokenSource(SERVER, get).fetch(within)
    assert seen == [limits]
