import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from websockets.sync.server import ServerConnection, serve

from appliance.maintenance.doctor.appliance_status import RunningAppliance
from appliance.maintenance.doctor.checks.service import ServiceCheck
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.settings.schema import ServiceSettings
from appliance.settings.secrets import API_KEY, FALLBACK_TOKEN_SECRET, TOKEN_SECRET
from tests.rig.faults import (
    drop_after,
    drop_on_terminate,
    fail_after,
    ignore_terminate,
    never_answer,
    refuse,
    refuse_handshake,
)
from tests.rig.privileges import unprivileged
from tests.rig.service import ScriptedService

SECRET = "sk-very-secret"

NOWHERE = "ws://127.0.0.1:9/v3/ws"

AS_FOR_ANY = "check fallback_url, or that service"


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


def check_of(
    settings: ServiceSettings,
    *stores: Path,
    appliance: RunningAppliance | None = None,
    answer_timeout: float = 20.0,
) -> ServiceCheck:
    return ServiceCheck(settings, lambda: appliance, stores, answer_timeout=answer_timeout)


def settings_of(service: ScriptedService) -> ServiceSettings:
    return ServiceSettings(url=service.url, token_url=service.token_url)


def guarded(service: ScriptedService) -> ServiceSettings:
    """Return the settings for a token server that wants `SECRET`."""
    service.api_key = f"Bearer {SECRET}"
    token_url = service.token_url.replace("/token", "/v3/token")
    return ServiceSettings(url=service.url, token_url=token_url)


def held(service: ScriptedService, answer_timeout: float = 20.0) -> CheckResult:
    """Fetch a token and hold a session."""
    check = check_of(settings_of(service), answer_timeout=answer_timeout)
    assert check.fetch_token().result is Result.FINE
    return check.hold_session()


# Tokens


def test_a_token_comes_from_the_owners_server(service: ScriptedService) -> None:
    found = check_of(settings_of(service)).fetch_token()
    assert found.result is Result.FINE
    assert found.found.startswith("the token server gave one in ")
    assert service.tokens[0].value not in str(found)


@pytest.mark.parametrize("place", ["api_key_file", "store"])
def test_a_key_is_found_where_the_service_has_it(
    service: ScriptedService, tmp_path: Path, place: str
) -> None:
    key = tmp_path / API_KEY
    key.write_text(f"{service.api_key}\n")
    settings = ServiceSettings(url=service.url)
    if place == "api_key_file":
        found = check_of(msgspec.structs.replace(settings, api_key_file=str(key))).fetch_token()
    else:
        found = check_of(settings, tmp_path / "not-there", tmp_path).fetch_token()
    assert found.result is Result.FINE
    assert "for the API key" in found.found


def test_without_a_key_the_owner_is_told(service: ScriptedService) -> None:
    found = check_of(ServiceSettings(url=service.url)).fetch_token()
    assert found.result is Result.FAILED
    assert found.found.startswith("No API key")
    assert found.remedy == "set key or token_url"


def test_a_refused_key_is_reported_and_never_shown(
    service: ScriptedService, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(SECRET)
    found = check_of(ServiceSettings(url=service.url, api_key_file=str(key))).fetch_token()
    assert found.found.startswith("Key refused (fetching a token: 401")
    assert found.remedy == f"put the right API key into {key}"
    assert SECRET not in str(found)


def test_a_refused_key_of_systemds_is_replaced(service: ScriptedService, tmp_path: Path) -> None:
    (tmp_path / API_KEY).write_text(SECRET)
    found = check_of(ServiceSettings(url=service.url), tmp_path).fetch_token()
    assert found.found.startswith("Key refused")
    assert found.remedy == (
        "put in the right API key: sudo ./scripts/install --api-key-file FILE,"
        " or api_key on the SD card"
    )


@pytest.mark.parametrize("place", ["token_secret_file", "store", "store, for the file is gone"])
def test_a_secret_is_found_where_the_service_has_it(
    service: ScriptedService, tmp_path: Path, place: str
) -> None:
    secret = tmp_path / TOKEN_SECRET
    secret.write_text(f"{SECRET}\n")
    named = {"token_secret_file": str(secret), "store": ""}.get(place, str(tmp_path / "gone"))
    settings = msgspec.structs.replace(guarded(service), token_secret_file=named)
    stores = () if place == "token_secret_file" else (tmp_path / "not-there", tmp_path)
    assert check_of(settings, *stores).fetch_token().result is Result.FINE


def test_a_refused_secret_is_replaced(service: ScriptedService, tmp_path: Path) -> None:
    (tmp_path / API_KEY).write_text(SECRET)  # the key is nothing for the token server
    found = check_of(guarded(service), tmp_path).fetch_token()
    assert found.found.startswith("Key refused")
    assert found.remedy == (
        "put in the right secret: sudo ./scripts/install --token-secret-file FILE,"
        " or token_secret on the SD card"
    )


@pytest.mark.parametrize("with_token_server", [False, True])
def test_what_only_root_may_read_is_left_to_root(
    service: ScriptedService, with_token_server: bool
) -> None:
    settings = guarded(service) if with_token_server else ServiceSettings(url=service.url)
    with unprivileged() as store:
        store.chmod(0)
        found = check_of(settings, store).fetch_token()
    assert found.result is Result.NOT_TRIED
    assert found.remedy == "try with sudo"


def test_a_key_that_the_service_refuses_is_replaced(
    service: ScriptedService, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(service.api_key)
    service.on_connection(1, refuse(1008, "Unauthorized"))
    check = check_of(ServiceSettings(url=service.url, api_key_file=str(key)))
    check.fetch_token()
    assert check.hold_session().remedy == f"put the right API key into {key}"


def test_a_token_server_that_repeats_the_secret_does_not_get_it_shown(
    service: ScriptedService, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    service.token_answer = 403, {"error": f"{SECRET} is unknown"}
    settings = msgspec.structs.replace(settings_of(service), token_secret_file=str(secret))
    found = check_of(settings).fetch_token()
    assert found.result is Result.FAILED
    assert "is unknown" in found.found
    assert SECRET not in str(found)


def test_a_token_server_with_a_fault_is_reported_that_the_appliance_goes_on(
    service: ScriptedService,
) -> None:
    service.token_answer = 500, {"error": "out of paper"}
    found = check_of(settings_of(service)).fetch_token()
    assert found.found.startswith("Token server fault")
    assert found.remedy == "wait: the appliance goes on by itself, trying again"


# The session


def test_a_session_is_opened_and_ended_properly(service: ScriptedService) -> None:
    found = held(service)
    assert found.result is Result.FINE
    assert "was ended properly" in found.found
    (record,) = service.connections
    assert record.audio_seconds == pytest.approx(0.5)
    assert [message["type"] for message in record.messages] == ["Terminate"]
    assert service.violations == []


def test_a_model_that_was_replaced_is_told(service: ScriptedService) -> None:
    service.configuration = {"model": "universal-3-6-pro", "mode": None}
    found = held(service)
    assert found.result is Result.WARNING
    assert 'speech_model is "universal-3-6-pro", not "universal-streaming-english"' in found.found
    assert found.remedy.startswith("correct the settings under [service.parameters]")


def test_its_threads_end(service: ScriptedService) -> None:
    held(service)
    assert "trial session" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    ("fault", "found", "remedy"),
    [
        (refuse(1008, "Unauthorized"), "Key refused", "see that the token server has"),
        (refuse_handshake(401), "Key refused", "see that the token server has"),
        (refuse(1008, "Too many concurrent sessions"), "Service is busy", "wait: "),
        (refuse(4003, "Paid feature"), "Not in your plan", "check the settings"),
        (refuse_handshake(402), "No credit left", "top up the account"),
        (refuse_handshake(404), "Wrong address", "check service url"),
        (fail_after(0.2, 3006, "Invalid parameter"), "Setting refused", "check the settings"),
        (drop_after(0.2), "Connection lost", "wait: "),
        (drop_on_terminate(), "Connection lost", "wait: "),
    ],
)
def test_what_goes_wrong_is_reported_in_the_words_of_the_oled(
    service: ScriptedService, fault: object, found: str, remedy: str
) -> None:
    service.on_connection(1, fault)  # type: ignore[arg-type]
    result = held(service)
    assert result.result is Result.FAILED
    assert result.found.startswith(found)
    assert result.remedy.startswith(remedy)


def test_a_service_that_never_terminates_is_reported(service: ScriptedService) -> None:
    service.on_connection(1, ignore_terminate())
    found = held(service, answer_timeout=1.0)
    assert found.result is Result.FAILED
    assert "the service never said Termination" in found.found


@pytest.mark.slow
def test_a_service_that_never_answers_is_reported(service: ScriptedService) -> None:
    service.on_connection(1, never_answer())
    found = held(service)
    assert found.result is Result.FAILED
    assert found.found.startswith("Can't reach the service")


def test_no_session_is_opened_beside_one_that_goes_on(service: ScriptedService) -> None:
    check = check_of(settings_of(service), appliance=RunningAppliance(None))
    assert check.fetch_token().result is Result.FINE
    assert check.hold_session().result is Result.NOT_TRIED
    assert service.connections == []


def test_whether_one_goes_on_is_asked_at_the_last_moment(service: ScriptedService) -> None:
    appliances: list[RunningAppliance | None] = [None]
    check = ServiceCheck(settings_of(service), lambda: appliances[-1], ())
    check.fetch_token()
    appliances.append(RunningAppliance(None))
    assert check.hold_session().result is Result.NOT_TRIED


def test_terminate_is_sent_to_a_service_that_never_begins_too() -> None:
    heard: list[str | bytes] = []

    def be_mute(client: ServerConnection) -> None:
        heard.extend(client)

    with ScriptedService() as tokens, serve(be_mute, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        settings = msgspec.structs.replace(settings_of(tokens), url=f"ws://127.0.0.1:{port}/v3/ws")
        check = check_of(settings, answer_timeout=0.2)
        check.fetch_token()
        found = check.hold_session()
        server.shutdown()
        thread.join()
    assert found.found == "Connection lost (the service never said Begin)"
    assert heard[-1] == '{"type":"Terminate"}'


# The fallback


def fallback_at(service: ScriptedService) -> ServiceSettings:
    """Return the settings of a box whose first service is away."""
    return ServiceSettings(
        url=NOWHERE, fallback_url=service.url, fallback_token_url=service.token_url
    )


def guarded_fallback_at(service: ScriptedService) -> ServiceSettings:
    """Return the settings for a fallback whose tokens want `SECRET`."""
    return msgspec.structs.replace(
        fallback_at(service), fallback_token_url=guarded(service).token_url
    )


def test_a_session_is_opened_at_the_fallback_too(service: ScriptedService) -> None:
    found = check_of(fallback_at(service)).try_fallback()
    assert found.result is Result.FINE
    assert found.found.startswith("a session opened in ")
    assert service.connections[0].terminated_at


def test_a_fallback_without_tokens_is_reported(service: ScriptedService) -> None:
    service.token_down_for()
    found = check_of(fallback_at(service)).try_fallback()
    assert found.result is Result.FAILED
    assert found.remedy == AS_FOR_ANY
    assert not service.connections


@pytest.mark.parametrize(
    ("fault", "what", "remedy"),
    [
        (refuse(3006, "Invalid parameter"), "Setting refused", "check the settings"),
        (refuse(1008, "Unauthorized"), "Key refused", AS_FOR_ANY),
        (refuse_handshake(404), "Wrong address", "check fallback_url"),
    ],
)
def test_a_fallback_that_refuses_is_reported(
    service: ScriptedService, fault: object, what: str, remedy: str
) -> None:
    service.on_every_connection(fault)  # type: ignore[arg-type]
    found = check_of(fallback_at(service)).try_fallback()
    assert found.result is Result.FAILED
    assert found.found.startswith(what)
    assert found.remedy == remedy


@pytest.mark.parametrize("url", [NOWHERE, "ws://nowhere.invalid/v3/ws", "ws://127.0.0.1:99999/ws"])
def test_a_fallback_that_is_not_there_is_not_blamed_on_the_network(
    service: ScriptedService, url: str
) -> None:
    for settings in (
        ServiceSettings(fallback_url=url),
        msgspec.structs.replace(fallback_at(service), fallback_url=url),
    ):
        found = check_of(settings).try_fallback()
        assert found.result is Result.FAILED
        assert found.remedy == AS_FOR_ANY


@pytest.mark.parametrize(
    ("answer", "what"), [((404, {}), "Wrong address"), ((200, {}), "No token")]
)
def test_an_address_without_tokens_is_reported_by_its_key(
    service: ScriptedService, answer: tuple[int, dict[str, str]], what: str
) -> None:
    service.token_answer = answer
    found = check_of(fallback_at(service)).try_fallback()
    assert found.found.startswith(what)
    assert found.remedy == "check fallback_token_url"
    beside = check_of(ServiceSettings(fallback_url=service.url)).try_fallback()
    assert beside.found.startswith(what)
    assert beside.remedy == "check fallback_url"


@pytest.mark.parametrize("place", ["file", "store"])
def test_the_fallbacks_secret_is_found_where_the_service_has_it(
    service: ScriptedService, tmp_path: Path, place: str
) -> None:
    (tmp_path / FALLBACK_TOKEN_SECRET).write_text(f"{SECRET}\n")
    settings = guarded_fallback_at(service)
    if place == "file":
        named = str(tmp_path / FALLBACK_TOKEN_SECRET)
        settings = msgspec.structs.replace(settings, fallback_token_secret_file=named)
    stores = [tmp_path] if place == "store" else []
    assert check_of(settings, *stores).try_fallback().result is Result.FINE


def test_a_box_with_an_api_key_has_a_token_server_for_its_fallback(
    service: ScriptedService, tmp_path: Path
) -> None:
    (tmp_path / API_KEY).write_text("the-vendor-s")
    (tmp_path / TOKEN_SECRET).write_text(SECRET)
    assert check_of(guarded_fallback_at(service), tmp_path).try_fallback().result is Result.FINE


def test_a_fallback_that_needs_a_secret_has_its_setting_named(
    service: ScriptedService, tmp_path: Path
) -> None:
    settings = guarded_fallback_at(service)
    found = check_of(settings, tmp_path).try_fallback()
    assert found.found.startswith("Key refused (fetching a token: 401")
    assert found.remedy == "set fallback_token_secret_file"
    service.token_answer = 401, {"error": "Secret refused"}
    assert check_of(settings).try_fallback().remedy == "set fallback_token_secret_file"


@pytest.mark.parametrize("place", ["file", "store"])
def test_a_refused_secret_of_the_fallbacks_is_replaced_and_never_shown(
    service: ScriptedService, tmp_path: Path, place: str
) -> None:
    secret = tmp_path / FALLBACK_TOKEN_SECRET
    secret.write_text("sk-wrong-secret")
    named = str(secret) if place == "file" else ""
    settings = msgspec.structs.replace(
        guarded_fallback_at(service), fallback_token_secret_file=named
    )
    found = check_of(settings, tmp_path).try_fallback()
    assert found.result is Result.FAILED
    assert found.remedy == f"put the right secret into {secret}"
    assert "sk-wrong-secret" not in str(found)


@pytest.mark.parametrize("place", ["fallback_token_secret_file", "token_secret_file", "store"])
def test_a_secret_of_the_fallbacks_that_only_root_may_read_is_left_to_root(
    service: ScriptedService, place: str
) -> None:
    with unprivileged() as kept_back:
        kept_back.chmod(0)
        named = {} if place == "store" else {place: str(kept_back)}
        settings = msgspec.structs.replace(guarded_fallback_at(service), **named)
        found = check_of(settings, kept_back).try_fallback()
    assert found.result is Result.NOT_TRIED
    assert found.found == "only root may read the secret"
    assert found.remedy == "try with sudo"


def test_a_wrong_secret_that_anybody_may_read_is_reported(service: ScriptedService) -> None:
    with unprivileged() as folder:
        store = folder / "store"
        store.mkdir(mode=0)
        secret = folder / "secret"
        secret.write_text("sk-wrong-secret")
        settings = msgspec.structs.replace(
            guarded_fallback_at(service), fallback_token_secret_file=str(secret)
        )
        assert check_of(settings, store).try_fallback().result is Result.FAILED


def test_no_session_is_tried_at_the_fallback_beside_one_that_goes_on(
    service: ScriptedService,
) -> None:
    found = check_of(fallback_at(service), appliance=RunningAppliance(None)).try_fallback()
    assert found.result is Result.NOT_TRIED
    assert service.token_requests == []
