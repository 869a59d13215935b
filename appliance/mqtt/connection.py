"""One connection to the broker, from its opening to its loss."""

import functools
import logging
import math
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from paho.mqtt import MQTTException
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from appliance.core.events import Fault
from appliance.mqtt.errors import AWAY, REFUSED, BrokerError, failure_of
from appliance.mqtt.paho_client import CONNECT_TIME, MQTT_3, MQTT_5, QOS, client_for, connect
from appliance.mqtt.refusals import Refusals
from appliance.mqtt.wakeup import WakeupPipe
from appliance.settings.schema import MqttSettings

log = logging.getLogger(__name__)

LOOK_INTERVAL = 3.0
"""Seconds after which it is looked at the clock all the same."""

ANYBODY = "appliance/anybody"
"""A topic that nobody listens to: the broker is asked to send us nothing of it, and answers."""

ACCESS_DENIED = ("Bad user name or password", "Not authorized")
"""The answers for which the owner must do something (MQTT 5.0, section 3.2.2.2)."""

UNSUPPORTED_VERSION = "Unsupported protocol version"

NO_MQTT = (LookupError, ValueError, struct.error, MQTTException)
"""What paho raises, depending on its release, when it is sent something else than MQTT."""

ABORT, FINISH = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
"""What a socket does with the bytes that are not through when it is closed (SO_LINGER)."""

Receive = Callable[[str, bytes, bool], None]
"""Takes the topic and payload of a message, and whether the broker had kept it."""


class _Sent(NamedTuple):
    """Something that the broker has to answer until `due`.

    `ours` is the topic of a message of the appliance itself; a command's refusal is the command's.
    """

    acknowledged: Callable[[], None]
    refused: Callable[[], None]
    ours: str = ""
    due: float = math.inf


class Connection:
    """A connection over MQTT 5, or 3.1.1 where the broker knows no more. Used by one thread alone.

    All that paho calls back is handed on within `wait`. Each connection has a client of its own,
    and a session that ends with it: nothing is sent again by both paho and whoever publishes. What
    is not through when a connection is lost is lost with it: no buffer brings it later.

    Over MQTT 3.1.1 no broker tells that it refuses a message.

    Args:
        settings: where the broker is.
        password: opens it.
        client_id: as who; the broker drops an older connection of the same one.
        last_will: the topic on which the broker says "offline" for us; None where it shall not.
        receive: takes messages.
        bell: wakes `wait`.
        older: the broker is known to speak MQTT 3.1.1 alone.
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
        bell: WakeupPipe | None = None,
        older: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._password = password
        self._client_id = client_id
        self._last_will = last_will
        self._receive = receive
        self._bell = bell or WakeupPipe()
        self._older = older
        self._clock = clock
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._answer: ReasonCode | None = None
        self._loss = ""
        self._calls: deque[Callable[[], None]] = deque()
        self._sent: dict[int, _Sent] = {}
        self._subscribed: dict[int, Sequence[str]] = {}
        self._refusals = Refusals(self.place)

    @property
    def place(self) -> str:
        """The broker's host and port."""
        return f"{self._settings.host}:{self._settings.port_or_default}"

    @property
    def older(self) -> bool:
        """Whether the broker has said that it does not know MQTT 5."""
        return self._older

    @property
    def refusal(self) -> Fault | None:
        """What the broker does not let us do, if anything."""
        return self._refusals.fault

    @property
    def all_answered(self) -> bool:
        """Whether the broker has taken or refused all that was published."""
        return not self._sent

    def open(self, gives_up: Callable[[], bool] = lambda: False) -> bool:
        """Connect; tell whether the broker has let us in, or the caller has given up before.

        Raises:
            BrokerError: it is not there, not to be trusted, silent, or lets us not in.
        """
        self._try(MQTT_3 if self._older else MQTT_5, gives_up)
        if not self._older and self._does_not_understand():
            self._try(MQTT_3, gives_up)
        self._raise_if_refused()
        if self._answer is None:
            self.drop()
        return self._answer is not None

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for the messages on these topics."""
        _, number = self._client.subscribe([(topic, QOS) for topic in topics])
        if number is not None:
            self._subscribed[number] = topics

    def publish(
        self,
        topic: str,
        payload: bytes,
        acknowledged: Callable[[], None] = lambda: None,
        *,
        retain: bool = False,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Send a message; the broker's word that it has or refuses it comes in a later `wait`."""
        sent = self._client.publish(topic, payload, QOS, retain=retain)
        self._sent[sent.mid] = _Sent(acknowledged, refused, topic)

    def publish_now(
        self,
        topic: str,
        payload: bytes,
        acknowledged: Callable[[], None],
        refused: Callable[[], None],
        within: float,
    ) -> None:
        """Send a message that must not arrive late: only once the broker gives a sign of life.

        When there is no answer within so many seconds, the connection is lost.
        """
        due = self._clock() + within

        def publish() -> None:
            sent = self._client.publish(topic, payload, QOS)
            self._sent[sent.mid] = _Sent(acknowledged, refused, due=due)

        # paho sends no ping when told to; that we want nothing of a topic is answered as quickly.
        _, number = self._client.unsubscribe(ANYBODY)
        if number is not None:
            self._sent[number] = _Sent(publish, publish, due=due)

    def wait(self, timeout: float) -> None:
        """Return when something came, the bell rang, or some seconds passed.

        Raises:
            BrokerError: the connection is lost.
        """
        due = min((sent.due for sent in self._sent.values()), default=math.inf)
        self._go_on(min(LOOK_INTERVAL, timeout, due - self._clock()))
        if any(sent.due <= self._clock() for sent in self._sent.values()):
            self._loss = self._loss or "no answer in time"
        if self._loss:
            self.drop()
            raise BrokerError(AWAY, f"{self.place}: {self._loss}")

    def close(self, patience: float) -> None:
        """Wait so many seconds for what is not acknowledged yet, then say goodbye."""
        deadline = self._clock() + patience
        while self._sent and not self._loss and self._clock() < deadline:
            self._go_on(deadline - self._clock())
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, FINISH)
        self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Close without another word."""
        open_socket = self._client.socket()
        if open_socket is not None:
            open_socket.close()

    # How it is opened

    def _try(self, version: MQTTProtocolVersion, gives_up: Callable[[], bool]) -> None:
        """Connect, and wait for the broker's answer or the loss of the connection."""
        self._answer, self._loss = None, ""
        try:
            self._client = client_for(
                self._settings, self._password, self._client_id, self._last_will, version
            )
            self._listen()
            connect(self._client, self._settings)
        except (OSError, *NO_MQTT) as error:
            self.drop()
            raise failure_of(error, self.place) from error
        # A few small packets in a row would else wait for an acknowledgement, 40 ms.
        self._set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        deadline = self._clock() + CONNECT_TIME
        while self._answer is None and not self._loss and not gives_up():
            left = deadline - self._clock()
            if left <= 0:
                self.drop()
                raise BrokerError(AWAY, f"{self.place}: no answer in {CONNECT_TIME:g} s")
            self._go_on(left)

    def _listen(self) -> None:
        """Note what paho calls; it is heeded once paho has returned."""
        client, later = self._client, self._later
        client.on_connect = lambda _client, _data, _flags, answer, _: later(self._enter, answer)
        client.on_disconnect = lambda _client, _data, _flags, why, _: later(self._lose, why)
        client.on_message = lambda _client, _data, message: self._take(message)
        client.on_publish = lambda _client, _data, number, answer, _: later(
            self._settle, number, answer
        )
        client.on_subscribe = lambda _client, _data, number, answers, _: later(
            self._settle_subscription, number, answers
        )
        client.on_unsubscribe = lambda _client, _data, number, _answers, _: later(
            self._settle, number, None
        )

    def _does_not_understand(self) -> bool:
        """Tell whether the broker may know only the older version; if it says so, remember it."""
        if self._answer is not None and self._answer.getName() == UNSUPPORTED_VERSION:
            log.info("the MQTT broker at %s knows only MQTT 3.1.1", self.place)
            self._older = True
        return self._older or (self._answer is None and bool(self._loss))

    def _raise_if_refused(self) -> None:
        if self._answer is not None and self._answer.is_failure:
            self.drop()
            fault = REFUSED if self._answer.getName() in ACCESS_DENIED else AWAY
            raise BrokerError(fault, f"{self.place}: {self._answer}")
        if self._loss:
            raise BrokerError(AWAY, f"{self.place}: {self._loss}")

    # How it goes on

    def _go_on(self, timeout: float) -> None:
        """Read and write what can be, and wait for that at most so long."""
        connection = self._client.socket()
        if connection is None:
            self._heed()
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
        try:
            if pending or wire in readable:
                self._client.loop_read()
            if wire in writable:
                self._client.loop_write()
            self._client.loop_misc()
        except NO_MQTT as error:
            self._loss = f"what it sends is no MQTT ({type(error).__name__})"
        self._heed()
        self._bell.silence()

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        open_socket = self._client.socket()
        if isinstance(open_socket, socket.socket):
            open_socket.setsockopt(level, option, value)

    # What came

    def _later(self, call: Callable[..., None], *args: object) -> None:
        self._calls.append(functools.partial(call, *args))

    def _heed(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _enter(self, answer: ReasonCode) -> None:
        self._answer = answer

    def _lose(self, why: ReasonCode) -> None:
        self._loss = self._loss or f"connection lost ({why})"

    def _take(self, message: MQTTMessage) -> None:
        self._later(self._receive, message.topic, bytes(message.payload), message.retain)

    def _settle(self, number: int, answer: ReasonCode | None) -> None:
        """Tell whoever sent something what the broker says to it."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return
        if answer is not None and answer.is_failure:
            if sent.ours:
                self._refusals.note_unwritten(sent.ours, str(answer))
            sent.refused()
            return
        if self._refusals.forget(sent.ours):
            # What else was refused may be allowed as well: begin anew, and say it all again.
            self._loss = f"{sent.ours} is allowed now"
        sent.acknowledged()

    def _settle_subscription(self, number: int, answers: Sequence[ReasonCode]) -> None:
        for topic, answer in zip(self._subscribed.pop(number, ()), answers, strict=False):
            if answer.is_failure:
                self._refusals.note_unread(topic, str(answer))
