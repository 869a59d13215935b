"""A broker that is away, restarts, hangs, refuses or says nothing."""

import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.core.errors import ActionError
from appliance.core.events import BrokerFailed, BrokerRecovered, CommandEnded
from appliance.mqtt.client import THREAD_END_TIMEOUT
from appliance.mqtt.connection import UNUSED_TOPIC
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import MqttSettings
from tests.mqtt.broker import (
    PASSWORD,
    USER,
    Broker,
    Listener,
    Received,
    free_port,
    needs_mosquitto,
)
from tests.mqtt.fake_brokers import LET_IN, FakeBroker, MuteBroker
from tests.mqtt.running_client import OutgoingTurns, RunningClient, thread_of
from tests.rig.certificates import self_signed
from tests.rig.proxy import Proxy
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

TURNS = 50


def assert_once_in_order(said: list[Received], count: int = TURNS) -> None:
    """Assert that each of so many turns was delivered, in order, and none twice."""
    ids = Counter(message.value["id"] for message in said)
    assert [message.value["text"] for message in said] == [f"turn {n}" for n in range(1, count + 1)]
    assert set(ids.values()) == {1}


def restart(broker: Broker, _listener: Listener) -> None:
    broker.stop()
    broker.start()


def kill(broker: Broker, listener: Listener) -> None:
    # It would forget what it has acknowledged, and not delivered or written down yet.
    listener.wait_for("/transcript", TURNS // 2 + 1)
    broker.save()
    broker.kill()
    broker.start()


def freeze(broker: Broker, _listener: Listener) -> None:
    broker.freeze()
    time.sleep(2)
    broker.thaw()


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [restart, kill, freeze])
def test_turns_outlast_a_broker_in_trouble(
    broker: Broker, listener: Listener, trouble: Callable[[Broker, Listener], None]
) -> None:
    with RunningClient(broker.settings) as running:
        for number in range(TURNS):
            running.say()
            if number == TURNS // 2:
                listener.wait_for("/transcript", number // 2)
                trouble(broker, listener)
            time.sleep(0.01)
        running.wait_until_delivered()
        assert_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_said_while_the_broker_is_away_follow(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        listener.wait_for("/state")
        broker.stop()
        for _ in range(TURNS):
            running.say()
        assert running.wait_for(BrokerFailed).fault.what == "No MQTT broker"
        broker.start()
        running.wait_for(BrokerRecovered)
        running.wait_until_delivered()
        assert_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_outlast_the_client_too(broker: Broker, listener: Listener) -> None:
    turns = OutgoingTurns()
    for part in range(5):
        with RunningClient(broker.settings, turns) as running:
            for _ in range(TURNS // 5):
                running.say()
            listener.wait_for("/transcript", TURNS // 5 * part + 5)
    with RunningClient(broker.settings, turns) as running:
        running.wait_until_delivered()
    assert_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_outlast_a_network_that_breaks_again_and_again(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network:
        settings = replace(broker.settings, port=network.port)
        with RunningClient(settings) as running:
            for number in range(TURNS):
                running.say()
                if number % 15 == 5:
                    listener.wait_for("/transcript", number - 3)
                    network.cut()
            running.wait_until_delivered()
    said = listener.wait_for("/transcript", TURNS)
    # Where a connection breaks between a message and its acknowledgement, nobody can know.
    by_id = list(dict.fromkeys(message.value["id"] for message in said))
    assert by_id == [f"s1-0-{n}" for n in range(1, TURNS + 1)]
    assert len(said) <= TURNS + 4


@pytest.mark.slow
def test_a_slow_broker_gets_what_counts(broker: Broker, listener: Listener) -> None:
    with (
        Proxy(broker.port) as network,
        RunningClient(replace(broker.settings, port=network.port)) as running,
    ):
        listener.wait_for("/state")
        network.throttle(2_000)
        running.say()
        running.wait_until_delivered()
        network.pause()
        for number in range(2_000):
            running.show(Scene(Mode.RECONNECTING if number % 2 else Mode.LISTENING))
        running.say()
        network.resume()
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "reconnecting")
        running.wait_until_delivered()
    assert len(listener.on("/state")) <= 4


@pytest.mark.slow
def test_no_partial_turn_or_event_waits_for_the_broker(broker: Broker, listener: Listener) -> None:
    with RunningClient(replace(broker.settings, partials=True)) as running:
        listener.wait_for("/state")
        broker.stop()
        running.wait_for(BrokerFailed)
        running.client.handle(CommandEnded("s1", "stop", "Stop.", 1.0))
        running.client.show(Scene(Mode.LISTENING))
        broker.start()
        running.wait_for(BrokerRecovered)
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "listening")
        running.say()
        running.wait_until_delivered()
        listener.wait_for("/transcript")
    assert listener.on("/partial") == []
    assert listener.on("/event") == []


# Whether it is there


def test_a_client_says_goodbye(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings) as running:
        running.show(Scene(Mode.LISTENING))
        wait_until(lambda: [it.value["session"] for it in listener.on("/state")][-1:] == ["ON"])
    assert listener.wait_for("/availability", 2)[-1].payload == b"offline"
    with Listener(broker.port, "late") as late:
        (kept,) = late.wait_for("/availability")
        (state,) = late.wait_for("/state")
    assert (kept.payload, kept.retained) == (b"offline", True)
    assert (state.value["state"], state.value["session"], state.retained) == ("off", "OFF", True)


def test_a_client_without_power_counts_as_offline(broker: Broker, listener: Listener) -> None:
    with Proxy(broker.port) as network, RunningClient(replace(broker.settings, port=network.port)):
        listener.wait_for("/state")
        network.refuse()
        network.cut()
        assert listener.wait_for("/availability", 2)[-1].payload == b"offline"
        network.accept()
        assert listener.wait_for("/availability", 3)[-1].payload == b"online"


def test_an_old_connection_does_not_make_a_client_look_away(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network, RunningClient(replace(broker.settings, port=network.port)):
        listener.wait_for("/state")
        network.pause()
        with RunningClient(broker.settings):
            listener.wait_for("/state", 2)
            wait_until(lambda: listener.on("/availability")[-1].payload == b"online")
            assert [it.payload for it in listener.on("/availability")] in (
                [b"online", b"online"],
                [b"online", b"offline", b"online"],
            )
        network.resume()


# Who does not let it in


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


ALL_BUT_TRANSCRIPTS = """
topic readwrite #
topic deny appliance/kitchen/transcript
topic deny lamp/set
"""


@needs_mosquitto
@pytest.mark.slow
def test_turns_that_the_broker_refuses_are_kept_until_it_takes_them(tmp_path: Path) -> None:
    with (
        Broker(tmp_path, acl=ALL_BUT_TRANSCRIPTS) as broker,
        Listener(broker.port) as listener,
        Proxy(broker.port) as network,
        RunningClient(replace(broker.settings, port=network.port)) as running,
    ):
        for _ in range(5):
            running.say()
        fault = running.wait_for(BrokerFailed).fault
        assert fault.what == "MQTT refused"
        with pytest.raises(ActionError, match=r"\Athe broker refuses\Z"):
            running.client.publish("lamp/set", "ON")
        assert len(running.turns.read()) == 5
        broker.allow("topic readwrite #")
        network.cut()
        running.wait_until_delivered()
        running.wait_for(BrokerRecovered)
        assert_once_in_order(listener.wait_for("/transcript", 5), 5)


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


@pytest.mark.slow
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


@needs_mosquitto
@pytest.mark.slow
def test_two_clients_of_one_name_are_noticed(broker: Broker) -> None:
    with RunningClient(broker.settings) as one, RunningClient(broker.settings) as other:
        faults = {client.wait_for(BrokerFailed).fault.what for client in (one, other)}
    assert faults == {"MQTT keeps dropping"}


# However it is, the appliance goes on


def ends_soon(running: RunningClient) -> None:
    began_at = time.monotonic()
    running.client.end()
    assert time.monotonic() - began_at < THREAD_END_TIMEOUT + 1


@pytest.mark.slow
def test_the_end_does_not_wait_for_a_broker_that_hangs(broker: Broker, listener: Listener) -> None:
    running = RunningClient(broker.settings)
    running.__enter__()
    listener.wait_for("/state")
    broker.freeze()
    running.say()
    ends_soon(running)
    assert thread_of("mqtt") is None


@pytest.mark.parametrize("tls", [False, True])
def test_the_end_does_not_wait_for_a_broker_that_says_nothing(tls: bool) -> None:
    with MuteBroker() as broker:
        running = RunningClient(replace(broker.settings, tls=tls))
        running.__enter__()
        broker.wait_for_client()
        ends_soon(running)
    wait_until(lambda: thread_of("mqtt") is None)


def test_the_end_does_not_wait_for_the_next_try() -> None:
    running = RunningClient(MqttSettings(host="127.0.0.1", port=free_port()), random=lambda: 1.0)
    running.__enter__()
    running.wait_for(BrokerFailed)
    ends_soon(running)
    assert thread_of("mqtt") is None


@pytest.mark.slow
def test_publishing_fails_when_the_broker_hangs(broker: Broker, listener: Listener) -> None:
    with RunningClient(broker.settings, answer_timeout=0.5) as running:
        listener.wait_for("/state")
        broker.freeze()
        with pytest.raises(ActionError, match="no answer from the broker"):
            running.client.publish("lamp/set", "ON")
        broker.thaw()
        running.say()
        running.wait_until_delivered()
        listener.wait_for("/transcript")
    assert listener.on("/set") == [], "what was reported to have failed has happened"


def test_publishing_fails_at_once_when_the_broker_goes() -> None:
    failures: list[str] = []
    with FakeBroker(LET_IN) as broker, RunningClient(broker.settings) as running:
        wait_until(lambda: b"/state" in broker.received)

        def publish() -> None:
            with pytest.raises(ActionError) as failure:
                running.client.publish("lamp/set", "ON")
            failures.append(str(failure.value))

        thread = threading.Thread(target=publish)
        thread.start()
        wait_until(lambda: UNUSED_TOPIC.encode() in broker.received)
        broker.hang_up()
        thread.join()
    assert failures == ["no broker"]


def test_a_web_server_is_no_broker() -> None:
    with (
        FakeBroker(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server,
        RunningClient(server.settings, connect_timeout=0.5) as running,
    ):
        assert running.wait_for(BrokerFailed).fault.what == "No MQTT broker"


def test_until_it_starts_nothing_of_paho_is_loaded() -> None:
    code = "import appliance.mqtt.client, sys;print(*{'paho', 'ssl'}.intersection(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.strip() == ""
