"""A real Mosquitto on the loopback, and a client that receives every message."""

import contextlib
import getpass
import random
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from appliance.settings.schema import MqttSettings
from tests.rig.certificates import Certificate
from tests.rig.waiting import wait_until

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="there is no mosquitto")

USER, PASSWORD = "box", "very-secret"


class Broker:
    """Runs Mosquitto; a context manager that starts and ends it.

    It keeps on disk what it has acknowledged. With a `certificate` it speaks TLS,
    `guarded` it lets in only those who know the password. With an `acl`, the lines of such a file,
    it allows no more than they say.
    """

    def __init__(
        self,
        folder: Path,
        certificate: Certificate | None = None,
        *,
        guarded: bool = False,
        acl: str | None = None,
    ) -> None:
        self._folder = folder / "mosquitto"
        self._folder.mkdir()
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            f"user {getpass.getuser()}",  # as root it would become a user who may not read here
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(not guarded).lower()}",
            "persistence true",
            f"persistence_location {self._folder}/",
            "max_queued_messages 10000",
        ]
        if certificate:
            lines += [
                f"certfile {certificate.file}",
                f"keyfile {certificate.file.with_name('key.pem')}",
            ]
        if guarded:
            passwords = self._folder / "passwords"
            passwords.touch(0o600)
            subprocess.run(["mosquitto_passwd", "-b", str(passwords), USER, PASSWORD], check=True)
            lines.append(f"password_file {passwords}")
        self._acl = self._folder / "acl"
        if acl is not None:
            self._acl.write_text(acl)
            self._acl.chmod(0o600)
            lines.append(f"acl_file {self._acl}")
        self._settings = self._folder / "mosquitto.conf"
        self._settings.write_text("\n".join(lines) + "\n")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def settings(self) -> MqttSettings:
        """Settings of an appliance that uses it."""
        return MqttSettings(host="127.0.0.1", port=self.port)

    def start(self) -> None:
        """Start, and return once it accepts connections."""
        assert MOSQUITTO
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(self._accepts, within=60)
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it as its owner would; it writes down what it has to deliver."""
        assert self._process
        self._process.terminate()
        self._process.wait()
        self._process = None

    def save(self) -> None:
        """Let it write to disk at once what it has to deliver, and to whom."""
        assert self._process
        file = self._folder / "mosquitto.db"
        before = file.stat().st_ino if file.exists() else 0
        self._process.send_signal(signal.SIGUSR1)
        wait_until(lambda: file.exists() and file.stat().st_ino != before)

    def allow(self, acl: str) -> None:
        """Allow what these lines say, from now on."""
        assert self._process
        self._acl.write_text(acl)
        self._process.send_signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Stop it with SIGSTOP: it hangs, with all its connections open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _accepts(self) -> bool:
        assert self._process
        assert self._process.poll() is None, f"mosquitto ended: see {self._settings}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Received(NamedTuple):
    """A message as the listener received it."""

    topic: str
    payload: bytes
    retained: bool
    qos: int

    @property
    def value(self) -> Any:  # noqa: ANN401 - whatever the message holds
        """What its JSON says."""
        return msgspec.json.decode(self.payload)


class Listener:
    """Receives every message, over restarts of the broker too; a context manager.

    The broker keeps for it what it misses: it counts each message that was delivered.
    """

    def __init__(self, port: int, name: str = "listener", topic: str = "#") -> None:
        self.received: list[Received] = []
        self._topic = topic
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1) and None
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._receive
        self._client.connect_async("127.0.0.1", port, 60)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._subscribed.wait(60)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def on(self, end: str) -> list[Received]:
        """Return what was received on the topics that end so."""
        return [message for message in self.received if message.topic.endswith(end)]

    def wait_for(self, end: str, count: int = 1, within: float = 30.0) -> list[Received]:
        """Wait for so many messages on the topics that end so, and return all."""
        wait_until(lambda: len(self.on(end)) >= count, within)
        return self.on(end)

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish a message, and wait until the broker has it."""
        self._client.publish(topic, payload, 1, retain=retain).wait_for_publish(20)

    def _receive(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        received = Received(message.topic, bytes(message.payload), message.retain, message.qos)
        # A broker that was killed may not know any more what it has brought us.
        if not (message.dup and received in self.received):
            self.received.append(received)


def free_port() -> int:
    """Return a port that nobody listens on.

    It lies below those that the kernel gives to connections: one to it would else connect to
    itself now and then while nobody listens.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
