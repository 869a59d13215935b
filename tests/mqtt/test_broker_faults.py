"""A broker that is away, or does not let the appliance in, and how that is reported."""

import logging
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.core.events import BrokerFailed, BrokerRecovered
from appliance.settings.schema import MqttSettings
from tests.mqtt.broker import (
    PASSWORD,
    USER,
    Broker,
    free_port,
    needs_mosquitto,
)
from tests.mqtt.fake_brokers import FakeBroker, MuteBroker
from tests.mqtt.running_client import RunningClient
from tests.rig.certificates import self_signed
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@needs_mosquitto
@pytest.mark.parametrize("password", ["wrong-secret", ""])
def test_a_wrong_password_is_reported_and_never_shown(
    tmp_path: Path, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text(password)
    with Broker(tmp_path, guarded=True) as broker, caplog.at_level(logging.DEBUG):
        settings = replace(broker.settings, username=USER, password_file=str(file))
        with RunningClient(settings) as running:
            fault = running.wait_for(BrokerFailed).fault
            file.write_text(f"{PASSWORD}\n")
            running.wait_for(BrokerRecovered)
    assert fault.what == "MQTT refused"
    assert fault.remedy == "check mqtt.username and its password"
    for secret in filter(None, (password, PASSWORD)):
        assert secret not in f"{fault} {fault.detail} {caplog.text}"


@needs_mosquitto
def test_a_broker_that_wants_a_password_is_not_away(tmp_path: Path) -> None:
    with Broker(tmp_path, guarded=True) as broker, RunningClient(broker.settings) as running:
        assert running.wait_for(BrokerFailed).fault.what == "MQTT refused"


@needs_mosquitto
def test_a_broker_with_a_certificate_of_its_own_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with Broker(tmp_path, certificate) as broker:
        settings = replace(broker.settings, tls=str(certificate.file))
        with RunningClient(settings) as running:
            running.say()
            running.wait_until_delivered()


@needs_mosquitto
def test_a_stranger_is_not_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with (
        Broker(tmp_path, certificate) as broker,
        RunningClient(replace(broker.settings, tls=True)) as running,
    ):
        fault = running.wait_for(BrokerFailed).fault
    assert fault.what == "MQTT not trusted"
    assert fault.remedy == "check mqtt.tls"
    assert "self-signed" in fault.detail


def test_missing_certificates_are_reported(tmp_path: Path) -> None:
    settings = MqttSettings(host="127.0.0.1", port=free_port(), tls=str(tmp_path / "gone.pem"))
    with RunningClient(settings) as running:
        assert running.wait_for(BrokerFailed).fault.remedy == "check mqtt.tls"


def test_a_broker_that_is_away_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    tries: list[float] = []
    settings = MqttSettings(host="127.0.0.1", port=free_port())

    def random() -> float:
        tries.append(time.monotonic())
        return 0.0

    with caplog.at_level(logging.INFO), RunningClient(settings, random=random) as running:
        fault = running.wait_for(BrokerFailed).fault
        wait_until(lambda: len(tries) >= 5)
        assert running.posted.empty()
    assert (fault.what, fault.remedy) == ("No MQTT broker", "check mqtt.host, or the broker")
    assert fault.detail == f"127.0.0.1:{settings.port}: Connection refused"
    assert len(caplog.records) == 1


def test_a_name_that_does_not_exist_is_reported() -> None:
    with RunningClient(MqttSettings(host="broker.invalid")) as running:
        assert running.wait_for(BrokerFailed).fault.what == "No MQTT broker"


def test_a_broker_that_says_nothing_is_away() -> None:
    with (
        MuteBroker() as broker,
        RunningClient(broker.settings, connect_timeout=0.5) as running,
    ):
        fault = running.wait_for(BrokerFailed).fault
    assert fault.what == "No MQTT broker"
    assert "no answer in 0.5 s" in fault.detail


def test_a_web_server_is_no_broker() -> None:
    with (
        FakeBroker(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server,
        RunningClient(server.settings, connect_timeout=0.5) as running,
    ):
        assert running.wait_for(BrokerFailed).fault.what == "No MQTT broker"


@needs_mosquitto
def test_two_clients_of_one_name_are_noticed(broker: Broker) -> None:
    with RunningClient(broker.settings) as one, RunningClient(broker.settings) as other:
        faults = {client.wait_for(BrokerFailed).fault.what for client in (one, other)}
    assert faults == {"MQTT keeps dropping"}
