"""A broker that is away, restarts, hangs, refuses or says nothing."""

import contextlib
import logging
import socket
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
from appliance.mqtt.client import LONGEST_END
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import MqttSettings
from tests.mqtt.broker import (
    PASSWORD,
    USER,
    Broker,
    Heard,
    Listener,
    free_port,
    mute_port,
    needs_mosquitto,
)
from tests.mqtt.home import Home, Turns, thread_of
from tests.rig.certificates import self_signed
from tests.rig.proxy import Proxy
from tests.rig.waiting import wait_until

TURNS = 50


def told_once_in_order(said: list[Heard], count: int = TURNS) -> None:
    """Assert that each of so many turns was delivered, in order, and none twice."""
    ids = Counter(message.value["id"] for message in said)
    assert [message.value["text"] for message in said] == [f"turn {n}" for n in range(1, count + 1)]
    assert set(ids.values()) == {1}


def restart(broker: Broker) -> None:
    broker.stop()
    broker.start()


def kill(broker: Broker) -> None:
    time.sleep(1.5)  # until the broker has written down what it has to deliver
    broker.kill()
    broker.start()


def freeze(broker: Broker) -> None:
    broker.freeze()
    time.sleep(2)
    broker.thaw()


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [restart, kill, freeze])
def test_turns_outlast_a_broker_in_trouble(
    broker: Broker, listener: Listener, trouble: Callable[[Broker], None]
) -> None:
    with Home(broker.settings) as home:
        for number in range(TURNS):
            home.say()
            if number == TURNS // 2:
                listener.wait_for("/transcript", number // 2)
                trouble(broker)
            time.sleep(0.01)
        home.wait_until_delivered()
        told_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_said_while_the_broker_is_away_follow(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        broker.stop()
        for _ in range(TURNS):
            home.say()
        assert home.wait_for(BrokerFailed).fault.what == "No MQTT broker"
        broker.start()
        home.wait_for(BrokerRecovered)
        home.wait_until_delivered()
        told_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_outlast_the_box_too(broker: Broker, listener: Listener) -> None:
    turns = Turns()
    for part in range(5):
        with Home(broker.settings, turns) as home:
            for _ in range(TURNS // 5):
                home.say()
            listener.wait_for("/transcript", TURNS // 5 * part + 5)
    with Home(broker.settings, turns) as home:
        home.wait_until_delivered()
    told_once_in_order(listener.wait_for("/transcript", TURNS))


@pytest.mark.slow
def test_turns_outlast_a_network_that_breaks_again_and_again(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network:
        settings = replace(broker.settings, port=network.port)
        with Home(settings) as home:
            for number in range(TURNS):
                home.say()
                if number % 15 == 5:
                    listener.wait_for("/transcript", number - 3)
                    network.cut()
            home.wait_until_delivered()
    said = listener.wait_for("/transcript", TURNS)
    # Where a connection breaks between a message and its acknowledgement, nobody can know.
    by_id = list(dict.fromkeys(message.value["id"] for message in said))
    assert by_id == [f"s1-0-{n}" for n in range(1, TURNS + 1)]
    assert len(said) <= TURNS + 4


@pytest.mark.slow
def test_a_slow_broker_gets_what_counts(broker: Broker, listener: Listener) -> None:
    with Proxy(broker.port) as network, Home(replace(broker.settings, port=network.port)) as home:
        listener.wait_for("/state")
        network.throttle(2_000)
        home.say()
        home.wait_until_delivered()
        network.pause()
        for number in range(2_000):
            home.show(Scene(Mode.RECONNECTING if number % 2 else Mode.LISTENING))
        home.say()
        network.resume()
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "reconnecting")
        home.wait_until_delivered()
    assert len(listener.on("/state")) <= 4


@pytest.mark.slow
def test_no_partial_turn_or_event_waits_for_the_broker(broker: Broker, listener: Listener) -> None:
    with Home(replace(broker.settings, partials=True)) as home:
        listener.wait_for("/state")
        broker.stop()
        home.wait_for(BrokerFailed)
        home.house.handle(CommandEnded("s1", "stop", "Stop.", 1.0))
        home.house.show(Scene(Mode.LISTENING))
        broker.start()
        home.wait_for(BrokerRecovered)
        wait_until(lambda: listener.on("/state")[-1].value["state"] == "listening")
        home.say()
        home.wait_until_delivered()
        listener.wait_for("/transcript")
    assert listener.on("/partial") == []
    assert listener.on("/event") == []


# Whether it is there


def test_a_box_says_goodbye(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        home.show(Scene(Mode.LISTENING))
        wait_until(lambda: [it.value["session"] for it in listener.on("/state")][-1:] == ["ON"])
    assert listener.wait_for("/availability", 2)[-1].payload == b"offline"
    with Listener(broker.port, "late") as late:
        (kept,) = late.wait_for("/availability")
        (state,) = late.wait_for("/state")
    assert (kept.payload, kept.retained) == (b"offline", True)
    assert (state.value["state"], state.value["session"], state.retained) == ("off", "OFF", True)


def test_a_box_without_power_is_told_offline(broker: Broker, listener: Listener) -> None:
    with Proxy(broker.port) as network, Home(replace(broker.settings, port=network.port)):
        listener.wait_for("/state")
        network.refuse()
        network.cut()
        assert listener.wait_for("/availability", 2)[-1].payload == b"offline"
        network.accept()
        assert listener.wait_for("/availability", 3)[-1].payload == b"online"


def test_an_old_connection_of_the_box_does_not_make_it_look_away(
    broker: Broker, listener: Listener
) -> None:
    with Proxy(broker.port) as network, Home(replace(broker.settings, port=network.port)):
        listener.wait_for("/state")
        network.pause()
        with Home(broker.settings):
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
def test_a_wrong_password_is_told_and_never_shown(
    tmp_path: Path, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text(password)
    with Broker(tmp_path, guarded=True) as broker, caplog.at_level(logging.DEBUG):
        settings = replace(broker.settings, username=USER, password_file=str(file))
        with Home(settings) as home:
            fault = home.wait_for(BrokerFailed).fault
            file.write_text(f"{PASSWORD}\n")
            home.wait_for(BrokerRecovered)
    assert fault.what == "MQTT refused"
    assert fault.remedy == "check mqtt.username and its password"
    for secret in filter(None, (password, PASSWORD)):
        assert secret not in f"{fault} {fault.detail} {caplog.text}"


@needs_mosquitto
def test_a_broker_that_wants_a_password_is_not_told_to_be_away(tmp_path: Path) -> None:
    with Broker(tmp_path, guarded=True) as broker, Home(broker.settings) as home:
        assert home.wait_for(BrokerFailed).fault.what == "MQTT refused"


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
        Home(replace(broker.settings, port=network.port)) as home,
    ):
        for _ in range(5):
            home.say()
        fault = home.wait_for(BrokerFailed).fault
        assert fault.what == "MQTT refused"
        with pytest.raises(ActionError, match=r"\Athe broker refuses\Z"):
            home.house.publish("lamp/set", "ON")
        assert len(home.turns.read()) == 5
        broker.allow("topic readwrite #")
        network.cut()
        home.wait_until_delivered()
        home.wait_for(BrokerRecovered)
        told_once_in_order(listener.wait_for("/transcript", 5), 5)


@needs_mosquitto
def test_a_broker_with_a_certificate_of_its_own_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with Broker(tmp_path, certificate) as broker:
        settings = replace(broker.settings, tls=str(certificate.file))
        with Home(settings) as home:
            home.say()
            home.wait_until_delivered()


@needs_mosquitto
def test_a_stranger_is_not_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with Broker(tmp_path, certificate) as broker, Home(replace(broker.settings, tls=True)) as home:
        fault = home.wait_for(BrokerFailed).fault
    assert fault.what == "MQTT not trusted"
    assert fault.remedy == "check mqtt.tls"
    assert "self-signed" in fault.detail


def test_certificates_that_are_not_there_are_told(tmp_path: Path) -> None:
    settings = MqttSettings(host="127.0.0.1", port=free_port(), tls=str(tmp_path / "gone.pem"))
    with Home(settings) as home:
        assert home.wait_for(BrokerFailed).fault.remedy == "check mqtt.tls"


@pytest.mark.slow
def test_a_broker_that_is_away_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    settings = MqttSettings(host="127.0.0.1", port=free_port())
    with caplog.at_level(logging.INFO), Home(settings) as home:
        fault = home.wait_for(BrokerFailed).fault
        time.sleep(2.5)  # for at least one more try
        assert home.posted.empty()
    assert (fault.what, fault.remedy) == ("No MQTT broker", "check mqtt.host, or the broker")
    assert fault.detail == f"127.0.0.1:{settings.port}: Connection refused"
    assert len(caplog.records) == 1


def test_a_name_that_does_not_exist_is_told() -> None:
    with Home(MqttSettings(host="broker.invalid")) as home:
        assert home.wait_for(BrokerFailed).fault.what == "No MQTT broker"


@pytest.mark.slow
def test_a_broker_that_says_nothing_is_away() -> None:
    with mute_port() as port, Home(MqttSettings(host="127.0.0.1", port=port)) as home:
        fault = home.wait_for(BrokerFailed).fault
    assert fault.what == "No MQTT broker"
    assert "no answer in 5 s" in fault.detail


@needs_mosquitto
@pytest.mark.slow
def test_two_boxes_of_one_name_are_told_so(broker: Broker) -> None:
    with Home(broker.settings) as one, Home(broker.settings) as other:
        faults = {box.wait_for(BrokerFailed).fault.what for box in (one, other)}
    assert faults == {"MQTT keeps dropping"}


# However it is, the box goes on


def ends_soon(home: Home) -> None:
    began_at = time.monotonic()
    home.house.end()
    assert time.monotonic() - began_at < LONGEST_END + 1


@pytest.mark.slow
def test_the_end_does_not_wait_for_a_broker_that_hangs(broker: Broker, listener: Listener) -> None:
    home = Home(broker.settings)
    home.__enter__()
    listener.wait_for("/state")
    broker.freeze()
    home.say()
    ends_soon(home)
    assert thread_of("house") is None


@pytest.mark.parametrize("tls", [False, True])
def test_the_end_does_not_wait_for_a_broker_that_says_nothing(tls: bool) -> None:
    with mute_port() as port:
        home = Home(MqttSettings(host="127.0.0.1", port=port, tls=tls))
        home.__enter__()
        time.sleep(0.5)  # until it connects
        ends_soon(home)
    wait_until(lambda: thread_of("house") is None)


def test_the_end_does_not_wait_for_the_next_try() -> None:
    home = Home(MqttSettings(host="127.0.0.1", port=free_port()), random=lambda: 1.0)
    home.__enter__()
    home.wait_for(BrokerFailed)
    ends_soon(home)
    assert thread_of("house") is None


@pytest.mark.slow
def test_a_command_is_told_that_the_broker_hangs(broker: Broker, listener: Listener) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        broker.freeze()
        with pytest.raises(ActionError, match="no answer from the broker"):
            home.house.publish("lamp/set", "ON")
        broker.thaw()
        home.say()
        home.wait_until_delivered()
        listener.wait_for("/transcript")
    assert listener.on("/set") == [], "what was told to have failed has happened"


@pytest.mark.slow
def test_a_command_is_told_at_once_that_the_broker_has_gone(
    broker: Broker, listener: Listener
) -> None:
    with Home(broker.settings) as home:
        listener.wait_for("/state")
        broker.freeze()
        failures = []

        def publish() -> None:
            try:
                home.house.publish("lamp/set", "ON")
            except ActionError as error:
                failures.append(str(error))

        thread = threading.Thread(target=publish)
        thread.start()
        time.sleep(0.5)  # until it is under way
        broker.kill()
        thread.join()
    assert failures == ["no broker"]


def test_nothing_reaches_a_port_that_is_no_brokers() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(4)
        answering = threading.Thread(target=_answer_like_a_web_server, args=(listening,))
        answering.start()
        with Home(MqttSettings(host="127.0.0.1", port=listening.getsockname()[1])) as home:
            assert home.wait_for(BrokerFailed).fault.what == "No MQTT broker"
        answering.join()


def _answer_like_a_web_server(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_until_it_starts_nothing_of_paho_is_loaded() -> None:
    code = "import appliance.mqtt.client, sys;print(*{'paho', 'ssl'}.intersection(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.strip() == ""
