"""Brokers that Mosquitto can't be asked to be, and networks that end in a way of their own."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from appliance.settings.schema import MqttSettings

LET_IN = bytes.fromhex("20 03 00 00 00")
"""CONNACK: success, without properties (MQTT 5.0, section 3.2)."""

OLDER_ONLY = bytes.fromhex("20 02 00 01")
"""CONNACK of an MQTT 3.1.1 broker: unacceptable protocol version (MQTT 3.1.1, section 3.2.2.3)."""

LEVEL_AT = 8
"""Where the protocol's version is in a CONNECT shorter than 128 bytes."""


class FakeBroker:
    """Answers each CONNECT with the same bytes, and listens; a context manager.

    `ended` holds how each connection ended: "closed", "hung up", or the name of the error. `repeat`
    is sent again and again after the answer.
    """

    def __init__(self, answer: bytes, *, repeat: bytes = b"") -> None:
        self._answer = answer
        self._repeat = repeat
        self.ended: list[str] = []
        self.received = b""
        self._connection: socket.socket | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    @property
    def settings(self) -> MqttSettings:
        """Settings of an appliance that uses it."""
        return MqttSettings(host="127.0.0.1", port=self.port)

    def hang_up(self) -> None:
        """Close the connection."""
        assert self._connection
        self._connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connection, _ = self._listening.accept()
                with self._connection:
                    self.ended.append(self._listen(self._connection))

    def _listen(self, connection: socket.socket) -> str:
        try:
            self.received += connection.recv(1000)
            connection.sendall(self._answer)
            if not self._answer:
                return "hung up"
            while self._repeat:
                connection.sendall(self._repeat * 100)
            while data := connection.recv(1000):
                self.received += data
        except OSError as error:
            return type(error).__name__
        return "closed"


class MuteBroker:
    """Lets clients connect, and says nothing; a context manager."""

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.port: int = self._listening.getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in (self._listening, *self._connections):
            connection.close()

    @property
    def settings(self) -> MqttSettings:
        """Settings of an appliance that uses it."""
        return MqttSettings(host="127.0.0.1", port=self.port)

    def wait_for_client(self) -> None:
        """Return once somebody has connected."""
        self._listening.settimeout(60)
        self._connections.append(self._listening.accept()[0])


class OlderBroker:
    """Stands before a broker, and lets through MQTT 3.1.1 alone; a context manager.

    To a newer version it gives `answer`, and hangs up. `versions` are those that were tried.
    """

    def __init__(self, port: int, answer: bytes) -> None:
        self._target = port
        self._answer = answer
        self.versions: list[int] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                hello = connection.recv(1000)
                self.versions.append(hello[LEVEL_AT])
                if hello[LEVEL_AT] == 4:
                    self._let_through(connection, hello)
                else:
                    connection.sendall(self._answer)
                    connection.close()

    def _let_through(self, connection: socket.socket, hello: bytes) -> None:
        broker = socket.create_connection(("127.0.0.1", self._target))
        broker.sendall(hello)
        for one, other in ((connection, broker), (broker, connection)):
            self._threads.append(threading.Thread(target=_forward, args=(one, other)))
            self._threads[-1].start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(10_000):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
    source.close()
