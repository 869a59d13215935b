import contextlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.maintenance.doctor.checks import mqtt
from appliance.maintenance.doctor.context import Context, Machine
from appliance.maintenance.doctor.plan import plan
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.settings import Settings
from appliance.settings.schema import MqttSettings
from appliance.settings.secrets import MQTT_PASSWORD
from tests.maintenance.programs import no_program
from tests.mqtt.broker import PASSWORD, USER, Broker, free_port, needs_mosquitto
from tests.mqtt.fake_brokers import OLDER_ONLY, OlderBroker
from tests.mqtt.running_client import NAME, RunningClient
from tests.rig.certificates import self_signed
from tests.rig.privileges import unprivileged


def found(settings: MqttSettings, *stores: Path, echo_timeout: float = 20.0) -> CheckResult:
    return mqtt.check_broker(replace(Settings(name=NAME), mqtt=settings), stores, echo_timeout)


@needs_mosquitto
def test_a_broker_that_lets_us_in_is_fine(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        result = found(broker.settings)
    assert result.result is Result.FINE
    assert result.found == f"127.0.0.1:{broker.port} lets the appliance in, without TLS"


@needs_mosquitto
def test_it_may_speak_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with Broker(tmp_path, certificate) as broker:
        trusting = found(replace(broker.settings, tls=str(certificate.file)))
        doubting = found(replace(broker.settings, tls=True))
    assert trusting.found.endswith("over TLS")
    assert doubting.found.startswith("MQTT not trusted (127.0.0.1")
    assert doubting.remedy == "check mqtt.tls"


@needs_mosquitto
@pytest.mark.parametrize("place", ["file", "store"])
def test_the_password_is_found_where_the_service_has_it(tmp_path: Path, place: str) -> None:
    secret = tmp_path / MQTT_PASSWORD
    secret.write_text(f"{PASSWORD}\n")
    with Broker(tmp_path, guarded=True) as broker:
        settings = replace(broker.settings, username=USER)
        if place == "file":
            result = found(replace(settings, password_file=str(secret)))
        else:
            result = found(settings, tmp_path / "not-there", tmp_path)
    assert result.result is Result.FINE


@needs_mosquitto
def test_a_wrong_password_is_reported_and_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong-secret")
    with Broker(tmp_path, guarded=True) as broker:
        settings = replace(broker.settings, username=USER, password_file=str(secret))
        result = found(settings)
    assert result.result is Result.FAILED
    assert result.found.startswith("MQTT refused (127.0.0.1:")
    assert result.remedy == "check mqtt.username and its password"
    assert "wrong-secret" not in str(result)


@needs_mosquitto
def test_a_password_that_only_root_may_read_is_left_to_root(tmp_path: Path) -> None:
    with Broker(tmp_path, guarded=True) as broker, unprivileged() as store:
        store.chmod(0)
        result = found(replace(broker.settings, username=USER), store)
    assert result.result is Result.NOT_TRIED
    assert result.remedy == "try with sudo"


@needs_mosquitto
@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("allowed", ["write", "read"])
def test_what_the_broker_does_not_allow_is_reported(
    tmp_path: Path, allowed: str, older: bool
) -> None:
    acl = f"topic {allowed} appliance/{NAME}/#"
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(Broker(tmp_path, acl=acl))
        settings = broker.settings
        if older:
            old = stack.enter_context(OlderBroker(broker.port, OLDER_ONLY))
            settings = replace(settings, port=old.port)
        result = found(settings, echo_timeout=0.3)
    assert result.result is Result.FAILED
    assert result.found.startswith("MQTT refused (127.0.0.1:")
    assert result.remedy == f"let it read and write appliance/{NAME}/#"


@needs_mosquitto
def test_what_it_needs_is_enough(tmp_path: Path) -> None:
    with Broker(tmp_path, acl=f"topic readwrite appliance/{NAME}/#") as broker:
        assert found(broker.settings).result is Result.FINE


@needs_mosquitto
def test_a_file_too_long_for_a_password_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "certificates"
    file.write_text("-----BEGIN CERTIFICATE-----\n" * 10_000)
    with Broker(tmp_path, guarded=True) as broker:
        result = found(replace(broker.settings, username=USER, password_file=str(file)))
    assert result.found.startswith("MQTT refused (it holds over 1024 bytes")
    assert result.remedy == "check mqtt.password_file"


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    result = found(MqttSettings(host="127.0.0.1", tls=str(tmp_path / "gone.pem")))
    assert result.found == f"MQTT not trusted ({tmp_path}/gone.pem: No such file or directory)"


@needs_mosquitto
def test_an_unreadable_working_directory_is_not_taken_for_a_password_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Broker(tmp_path, guarded=True) as broker, unprivileged() as folder:
        monkeypatch.chdir(folder)
        folder.chmod(0o100)
        assert found(replace(broker.settings, username=USER)).result is Result.FAILED


def test_a_broker_that_is_away_is_reported() -> None:
    result = found(MqttSettings(host="127.0.0.1", port=free_port()))
    assert result.result is Result.FAILED
    assert result.found.startswith("No MQTT broker (127.0.0.1:")
    assert result.found.endswith("Connection refused)")
    assert result.remedy == "check mqtt.host, or the broker"


@needs_mosquitto
def test_the_appliance_that_runs_keeps_its_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker(tmp_path) as broker, RunningClient(broker.settings) as running:
        running.say()
        running.wait_until_delivered()
        assert found(broker.settings).result is Result.FINE
        running.say()
        running.wait_until_delivered()
    assert "lost" not in caplog.text


@pytest.mark.parametrize("host", ["", "broker.example"])
def test_it_is_asked_for_only_where_the_settings_name_one(tmp_path: Path, host: str) -> None:
    path = tmp_path / "appliance.toml"
    path.write_text(f'[mqtt]\nhost = "{host}"\n')
    machine = Machine(run=no_program, dev=tmp_path, sys=tmp_path, stores=())
    names = [check.name for check in plan(Context(path, machine))]
    assert ("MQTT" in names) == bool(host)
