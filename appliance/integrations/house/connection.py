"""One connection to the broker, from its opening to its loss."""

import logging
import select
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from appliance.config import MqttSettings
from appliance.integrations.house.bell import Bell
from appliance.integrations.house.failures import AWAY, REFUSED, BrokerError, failure_of

log = logging.getLogger(__name__)

CONNECT_TIME = 5.0
"""Seconds for the network, again for TLS, and again for the broker to let us in."""

KEEPALIVE = 15
"""Seconds of silence after which the broker is asked whether it is there, and again until it counts
as gone. It does the same, and then publishes the last will.
"""

LOOK_INTERVAL = 3.0
"""Seconds after which it is looked at the clock all the same."""

QOS = 1
"""At least once: each message is acknowledged."""

ACCESS_DENIED = ("Bad user name or password", "Not authorized")
"""The answers for which the owner must do something (MQTT 3.1.1, section 3.2.2.3)."""

Receive = Callable[[str, bytes, bool], None]
"""Takes the topic and payload of a message, and whether the broker had kept it."""


class Connection:
    """A connection over MQTT 3.1.1, which every broker speaks. Used by one thread alone.

    All that paho calls back happens within `wait`. Each connection has a client of its own, and a
    session that ends with it: nothing is sent again by both paho and whoever publishes.

    Args:
        settings: where the broker is.
        password: opens it.
        client_id: as who; the broker drops an older connection of the same one.
        last_will: the topic on which the broker says "offline" for us; None where it shall not.
        receive: takes messages.
        bell: wakes `wait`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: MqttSettings,
        password: str,
        client_id: str,
        *,
        last_will: str | None = None,
        receive: Receive = lambda _topic, _payload, _retained: None,
        bell: Bell | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._receive = receive
        self._bell = bell or Bell()
        self._clock = clock
        self._answer: ReasonCode | None = None
        self._loss = ""
        self._unacknowledged: dict[int, Callable[[], None]] = {}
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=True, reconnect_on_failure=False
        )
        self._client.connect_timeout = CONNECT_TIME
        if settings.username:
            self._client.username_pw_set(settings.username, password)
        if last_will:
            self._client.will_set(last_will, "offline", QOS, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe

    @property
    def place(self) -> str:
        """The broker's host and port."""
        return f"{self._settings.host}:{self._settings.usual_port}"

    def open(self, gives_up: Callable[[], bool] = lambda: False) -> bool:
        """Connect; tell whether the broker has let us in, or the caller has given up before.

        Raises:
            BrokerError: it is not there, not to be trusted, silent, or lets us not in.
        """
        try:
            if self._settings.tls:
                file = self._settings.tls if isinstance(self._settings.tls, str) else None
                self._client.tls_set_context(ssl.create_default_context(cafile=file))
            self._client.connect(self._settings.host, self._settings.usual_port, KEEPALIVE)
        except (OSError, ValueError) as error:
            raise failure_of(error, self.place) from error
        deadline = self._clock() + CONNECT_TIME
        while self._answer is None and not self._loss and not gives_up():
            left = deadline - self._clock()
            if left <= 0:
                self.drop()
                raise BrokerError(AWAY, f"{self.place}: no answer in {CONNECT_TIME:g} s")
            self._go_on(left)
        self._raise_if_refused()
        if self._answer is None:
            self.drop()
        return self._answer is not None

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for the messages on these topics."""
        self._client.subscribe([(topic, QOS) for topic in topics])

    def publish(
        self,
        topic: str,
        payload: bytes,
        acknowledged: Callable[[], None] = lambda: None,
        *,
        retain: bool = False,
    ) -> None:
        """Send a message; the broker's word that it has it comes in a later `wait`."""
        sent = self._client.publish(topic, payload, QOS, retain=retain)
        self._unacknowledged[sent.mid] = acknowledged

    def wait(self, timeout: float) -> None:
        """Return when something came, the bell rang, or some seconds passed.

        Raises:
            BrokerError: the connection is lost.
        """
        self._go_on(min(LOOK_INTERVAL, timeout))
        if self._loss:
            raise BrokerError(AWAY, f"{self.place}: {self._loss}")

    def close(self, patience: float) -> None:
        """Wait so many seconds for what is not acknowledged yet, then say goodbye."""
        deadline = self._clock() + patience
        while self._unacknowledged and not self._loss and self._clock() < deadline:
            self._go_on(deadline - self._clock())
        self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Close without another word."""
        open_socket = self._client.socket()
        if open_socket is not None:
            open_socket.close()

    def _go_on(self, timeout: float) -> None:
        """Read and write what can be, and wait for that at most so long."""
        connection = self._client.socket()
        if connection is None:
            self._loss = self._loss or "connection lost"
            return
        # TLS may have read more already than was taken from it.
        pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        wire = connection.fileno()
        readable, writable, _ = select.select(
            [wire, self._bell.fileno()],
            [wire] if self._client.want_write() else [],
            [],
            0.0 if pending else max(0.0, timeout),
        )
        if pending or wire in readable:
            self._client.loop_read()
        if wire in writable:
            self._client.loop_write()
        self._client.loop_misc()
        self._bell.silence()

    def _raise_if_refused(self) -> None:
        if self._answer is not None and self._answer.is_failure:
            self.drop()
            fault = REFUSED if self._answer.getName() in ACCESS_DENIED else AWAY
            raise BrokerError(fault, f"{self.place}: {self._answer}")
        if self._loss:
            raise BrokerError(AWAY, f"{self.place}: {self._loss}")

    # What paho calls

    def _on_connect(
        self,
        _client: Client,
        _data: Any,  # noqa: ANN401 - paho's type
        _flags: object,
        answer: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._answer = answer

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,  # noqa: ANN401 - paho's type
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._loss = f"connection lost ({reason})"

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:  # noqa: ANN401 - paho's type
        self._receive(message.topic, bytes(message.payload), message.retain)

    def _on_publish(
        self,
        _client: Client,
        _data: Any,  # noqa: ANN401 - paho's type
        number: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        self._unacknowledged.pop(number)()

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,  # noqa: ANN401 - paho's type
        _number: int,
        answers: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(answer.is_failure for answer in answers):
            log.warning("the broker does not let us listen: %s", ", ".join(map(str, answers)))
