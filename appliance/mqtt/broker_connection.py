"""Connection to the broker, from its opening to its loss."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from functools import partial

from paho.mqtt import MQTTException
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from appliance.core.faults import Fault
from appliance.mqtt import errors
from appliance.mqtt.outbox import AwaitedMessage
from appliance.mqtt.paho_client import MQTT_3, MQTT_5, NOT_MQTT, QOS, NetworkClient, client_for
from appliance.mqtt.reconnect import CONNECT_TIMEOUT
from appliance.settings.schema import MqttSettings

log = logging.getLogger(__name__)

MAX_WAIT = 3.0
"""Seconds after which `wait` returns in any case: some things change with time alone."""

ABORT_TIME = 1.0
"""Seconds in which a connection is aborted: what failed then can't be published any more."""

UNUSED_TOPIC = "appliance/anybody"
"""A topic without subscribers: the broker answers an UNSUBSCRIBE from it, and nothing changes."""

ACCESS_DENIED = ("Bad user name or password", "Not authorized")
"""The answers for which the owner must do something (MQTT 5.0, section 3.2.2.2)."""

UNSUPPORTED_VERSION = "Unsupported protocol version"

Answered = Callable[[str], None]
"""Takes the broker's reason to refuse a message; empty if it has the message."""

Receive = Callable[[str, bytes, bool], None]
"""Takes the topic and payload of a message, and whether it is retained."""


class BrokerConnection:
    """Connection over MQTT 5, or 3.1.1 where the broker knows no more.

    What the broker answers is taken within `wait`, on the thread that calls it. `wake` and
    `publish_awaited` may be called on any thread, all else on that one alone.

    Each connection has a client of its own, and a session that ends with it. What the broker does
    not have when the connection is lost is lost with it: no buffer brings it later.
    Over MQTT 3.1.1 no broker says that it refuses a message.

        connection = BrokerConnection(settings.mqtt, password, "appliance_kitchen")
        connection.open()
        connection.publish("appliance/kitchen/state", b"{}", retain=True)
        connection.close(1.0)

    Args:
        settings: where the broker is.
        password: for `settings.username`.
        client_id: as who; the broker drops an older connection of the same one.
        last_will: the topic on which the broker says "offline" for us; None for no last will.
        receive: takes messages, on paho's network thread; returns at once.
        older: whether the broker is known to speak MQTT 3.1.1 alone; an attribute, too.
        clock: monotonic seconds.
        connect_timeout: seconds for the broker to let us in.

    Attributes:
        address: the broker's host and port.
        is_open: whether the broker has let us in, and the connection was not given up since.
    """

    def __init__(
        self,
        settings: MqttSettings,
        password: str,
        client_id: str,
        *,
        last_will: str | None = None,
        receive: Receive = lambda _topic, _payload, _retained: None,
        older: bool = False,
        clock: Callable[[], float] = time.monotonic,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        self.address = f"{settings.host}:{settings.port_or_default}"
        self.older = older
        self.is_open = False
        self._settings = settings
        self._new_client = partial(client_for, settings, password, client_id, last_will)
        self._receive = receive
        self._clock = clock
        self._connect_timeout = connect_timeout
        self._client = NetworkClient()
        self._answer: ReasonCode | None = None
        self._loss = ""
        self._unanswered: dict[int, Answered] = {}
        self._subscribed: dict[int, Sequence[str]] = {}
        self._awaited: set[AwaitedMessage] = set()
        self._refusals = errors.AccessRefusals(self.address)

    @property
    def refusal(self) -> Fault | None:
        """What the broker does not let us do, if anything."""
        return self._refusals.fault

    @property
    def all_answered(self) -> bool:
        """Whether the broker has taken or refused all that was published."""
        return not self._unanswered

    def open(self, gives_up: Callable[[], bool] = lambda: False) -> bool:
        """Connect; return whether the broker has let us in, or the caller has given up before.

        Raises:
            BrokerError: it is not there, not to be trusted, silent, or does not let us in.
        """
        self._try(MQTT_3 if self.older else MQTT_5, gives_up)
        if not self.older and self._may_be_older():
            self.drop()
            self._try(MQTT_3, gives_up)
        answer, loss = self._answer, self._loss
        self.is_open = answer is not None and not answer.is_failure
        if self.is_open:
            return True
        self.drop()
        if answer is not None:
            denied = answer.getName() in ACCESS_DENIED
            raise self._failure(str(answer), errors.REFUSED if denied else errors.AWAY)
        if loss:
            raise self._failure(loss)
        return False

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for the messages on these topics."""
        _, number = self._client.subscribe([(topic, QOS) for topic in topics])
        if number is not None:
            self._subscribed[number] = topics

    def publish(
        self,
        topic: str,
        payload: bytes,
        answered: Answered = lambda _refusal: None,
        *,
        retain: bool = False,
    ) -> None:
        """Send a message; `answered` is called in a later `wait`."""
        number = self._client.publish(topic, payload, QOS, retain=retain).mid
        self._unanswered[number] = partial(self._note_access, topic, answered)

    def publish_awaited(self, topic: str, payload: bytes, timeout: float) -> None:
        """Publish a message at once or never, and wait until the broker has it.

        A broker that is silent for `timeout` seconds is given up.

        Raises:
            ActionError: the broker is gone, refuses, or is silent.
        """
        message = AwaitedMessage(topic, payload, self._clock() + timeout)
        self._awaited.add(message)
        self._client.hand_over(self._ping_for, message)
        if not self.is_open:
            message.end(errors.NO_BROKER)
        if not message.wait(timeout + ABORT_TIME):
            self._client.cut()  # the thread that calls `wait` is busy for too long
        message.end(errors.NO_ANSWER)
        self._awaited.discard(message)
        message.result()

    def wake(self) -> None:
        """Let `wait` return."""
        self._client.wake()

    def wait(self, timeout: float) -> None:
        """Return when something came, after `wake`, or after some seconds.

        Raises:
            BrokerError: the connection is lost.
        """
        self._client.carry_out(min(MAX_WAIT, timeout, self._due() - self._clock()))
        if self._due() <= self._clock():
            self._lose("no answer in time")
        if self._loss:
            self.drop()
            raise self._failure(self._loss)

    def close(self, timeout: float) -> None:
        """Wait some seconds at most for the broker's answers, then say goodbye."""
        self.is_open = False
        self._client.carry_out_until(lambda: self.all_answered or self._loss, timeout)
        if all(message.has_ended for message in self._awaited.copy()):
            self._client.finish()
        self.drop()

    def drop(self) -> None:
        """Close without another word: what has not reached the broker never does."""
        self.is_open = False
        self._lose("given up")
        self._client.abort()
        for message in self._awaited.copy():
            self._fail(message)
        self._client = NetworkClient()  # the last one's sockets go with it: its callbacks name us

    # How it is opened

    def _try(self, version: MQTTProtocolVersion, gives_up: Callable[[], bool]) -> None:
        """Connect, and wait for the broker's answer or the loss of the connection."""
        self._answer, self._loss = None, ""
        try:
            self._client = self._new_client(version)
            self._set_callbacks(self._client)
            self._client.start(self._settings, self._connect_timeout)
        except (OSError, *NOT_MQTT) as error:
            self.drop()
            raise errors.failure_of(error, self.address) from error
        if not self._client.carry_out_until(
            lambda: self._answer is not None or self._loss or gives_up(), self._connect_timeout
        ):
            self.drop()
            raise self._failure(f"no answer in {self._connect_timeout:g} s")

    def _set_callbacks(self, client: NetworkClient) -> None:
        client.on_connect = client.later(self._connected)
        client.on_disconnect = client.later(self._disconnected)
        client.on_message = self._message_came
        client.on_publish = client.later(self._answered)
        client.on_subscribe = client.later(self._subscribe_answered)
        client.on_unsubscribe = client.later(self._answered)
        client.on_end = self._lose

    def _may_be_older(self) -> bool:
        """Return whether the broker may know only the older version; if it says so, remember it."""
        if self._answer is not None and self._answer.getName() == UNSUPPORTED_VERSION:
            log.info("the MQTT broker at %s knows only MQTT 3.1.1", self.address)
            self.older = True
        return self.older or (self._answer is None and bool(self._loss))

    def _failure(self, why: str, fault: Fault = errors.AWAY) -> errors.BrokerError:
        return errors.BrokerError(fault, f"{self.address}: {why}")

    def _lose(self, why: str) -> None:
        self._loss = self._loss or why

    # paho's callbacks

    def _connected(self, _flags: object, answer: ReasonCode, _properties: object) -> None:
        self._answer = answer

    def _disconnected(self, _flags: object, reason: ReasonCode, _properties: object) -> None:
        self._lose(f"connection lost ({reason})")

    def _message_came(self, _client: object, _data: object, message: MQTTMessage) -> None:
        if self._loss:
            raise MQTTException(self._loss)  # to read no more
        self._receive(message.topic, bytes(message.payload), message.retain)
        self.wake()

    def _answered(self, number: int, answer: object, _properties: object) -> None:
        if answered := self._unanswered.pop(number, None):
            refused = isinstance(answer, ReasonCode) and answer.is_failure
            answered(str(answer) if refused else "")

    def _subscribe_answered(
        self, number: int, answers: Sequence[ReasonCode], _properties: object
    ) -> None:
        for topic, answer in zip(self._subscribed.pop(number, ()), answers, strict=False):
            if answer.is_failure:
                self._refusals.add("read", topic, str(answer))

    def _note_access(self, topic: str, answered: Answered, refusal: str) -> None:
        if refusal:
            self._refusals.add("write", topic, refusal)
        elif self._refusals.remove(topic):
            # What else was refused may be allowed as well: connect again, and say it all again.
            self._lose(f"{topic} is allowed now")
        answered(refusal)

    # Messages that must not arrive late

    def _due(self) -> float:
        """Return when the broker must have answered the first of them."""
        return min((it.due for it in self._awaited.copy() if not it.has_ended), default=math.inf)

    def _ping_for(self, message: AwaitedMessage) -> None:
        """Ask the broker for a sign of life: one that hangs would get the message later."""
        _, number = self._client.unsubscribe(UNUSED_TOPIC)  # paho sends no ping on demand
        if number is not None:
            self._unanswered[number] = partial(self._publish_if_wanted, message)

    def _publish_if_wanted(self, message: AwaitedMessage, _refusal: str) -> None:
        if self.is_open and self._clock() < message.due and not message.has_ended:
            number = self._client.publish(message.topic, message.payload, QOS).mid
            self._unanswered[number] = message.answered
        else:
            self._fail(message)

    def _fail(self, message: AwaitedMessage) -> None:
        message.end(errors.NO_BROKER if self._clock() < message.due else errors.NO_ANSWER)
