"""MQTT client: publishes state, turns and events, and receives commands."""

import functools
import logging
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from appliance.core import command_events, events
from appliance.core.errors import ActionError
from appliance.core.events import Event, Post
from appliance.core.late_imports import import_lock
from appliance.history import reader
from appliance.history.location import path_in_use
from appliance.history.records import OutgoingTurn
from appliance.mqtt import discovery, payloads
from appliance.mqtt.errors import NO_BROKER, BrokerError
from appliance.mqtt.health import BrokerHealth
from appliance.mqtt.outbox import SETTLING_TIME, Delivered, LatestPayload, TurnOutbox
from appliance.mqtt.payloads import StatePayload
from appliance.mqtt.reconnect import CONNECT_TIMEOUT, MIN_DELAY, Reconnect
from appliance.mqtt.remote_commands import RemoteCommands
from appliance.mqtt.topics import OFFLINE, ONLINE, Topics
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings, secrets

if TYPE_CHECKING:
    from appliance.mqtt.broker_connection import BrokerConnection

log = logging.getLogger(__name__)

STATE_INTERVAL = 0.5
PARTIAL_INTERVAL = 0.25
"""Seconds between two messages."""

ANSWER_TIMEOUT = 4.0
"""Seconds for the broker to take a message that somebody waits for."""

GOODBYE_TIMEOUT = 1.0
"""Seconds at the end for the broker to take that we are gone."""

THREAD_END_TIMEOUT = 3.0
"""Seconds for the thread to end: one that looks up a name or connects can't be interrupted."""

DESCRIPTION_INTERVAL = 1.0
"""Seconds between two descriptions for Home Assistant, and at least from its start to the next."""

MAX_EVENTS = 32
"""Ends of spoken commands, and alerts, that wait to be published."""


class MqttClient:
    """Appliance on the broker, on the thread "mqtt"; whatever goes wrong there goes wrong there.

    `show`, `handle` and `publish` only hand over. Of the state and of the partial text the latest
    waits for the thread, of finished turns nothing: they lie in the history until the broker has
    them.

    Args:
        settings: all of them; `mqtt.host` is set.
        post: gets Requested, BrokerFailed and BrokerRecovered.
        delivered: takes a finished turn off the outgoing ones; returns at once.
        outgoing: returns the first of those; by default the history's.
        clock: monotonic seconds.
        random: a number from 0 to 1, so that boxes don't all come back at the same moment.
        settling_time: seconds that a turn waits for its formatted text.
        answer_timeout: seconds for the broker to take a message that somebody waits for.
        connect_timeout: seconds for the broker to let us in.
        reconnect_delay: seconds between two tries, at least.
    """

    def __init__(
        self,
        settings: Settings,
        post: Post,
        delivered: Delivered,
        *,
        outgoing: Callable[[], Sequence[OutgoingTurn]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
        settling_time: float = SETTLING_TIME,
        answer_timeout: float = ANSWER_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        reconnect_delay: float = MIN_DELAY,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._answer_timeout = answer_timeout
        self._connect_timeout = connect_timeout
        self._topics = Topics.of(settings)
        self._microphone: str | None = None
        self._shown: StatePayload | None = None
        self._state = LatestPayload(STATE_INTERVAL, clock)
        self._partial = LatestPayload(PARTIAL_INTERVAL, clock, payloads.partial(Scene(Mode.OFF)))
        self._description = LatestPayload(DESCRIPTION_INTERVAL, clock)
        if self._topics.discovery_prefix:
            names = [command.name for command in settings.commands]
            self._description.put(discovery.device(self._topics, names, settings.alert.words))
        self._turns = TurnOutbox(
            outgoing or functools.partial(_outgoing_turns, Path(settings.history.path)),
            delivered,
            wake=self._wake,
            clock=clock,
            settling_time=settling_time,
        )
        self._events: deque[tuple[str, bytes]] = deque(maxlen=MAX_EVENTS)
        self._commands = RemoteCommands(post, clock)
        self._older_broker = False
        self._reconnect = Reconnect(clock, random, reconnect_delay)
        self._health = BrokerHealth(post, self._reconnect)
        self._connection: BrokerConnection | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Say goodbye, and end the thread."""
        self._ending.set()
        self._wake()
        self._thread.join(THREAD_END_TIMEOUT)
        if self._thread.is_alive():
            log.warning("the MQTT broker takes too long; going without a goodbye")

    def show(self, scene: Scene) -> None:
        """Publish what a scene says, if that is new; returns at once."""
        self._shown = payloads.state(scene, self._microphone, self._shown)
        differs = self._state.put(msgspec.json.encode(self._shown))
        if self._settings.mqtt.partials:
            differs |= self._partial.put(payloads.partial(scene))
        if differs:
            self._wake()

    def handle(self, event: Event) -> None:
        """Publish what an event says, if it does; returns at once."""
        match event:
            case events.MicrophoneOpened():
                self._microphone = event.device
            case events.MicrophoneFailed():
                self._microphone = None
            case events.Committed():
                if event.formatted:
                    self._turns.note_formatted(event.session, event.formatted)
                self._turns.refresh()
            case events.SpeakersSaved():
                self._turns.refresh()
            case command_events.CommandEnded():
                self._publish_soon(self._topics.event, payloads.event(event))
            case command_events.AlertHeard():
                self._publish_soon(self._topics.alert, payloads.alert(event))

    def _publish_soon(self, topic: str, payload: bytes) -> None:
        """Publish a message that means nothing later: without a connection, it is dropped."""
        if self._connection and self._connection.is_open:
            self._events.append((topic, payload))
            self._wake()

    def publish(self, topic: str, payload: str) -> None:
        """Publish a message, and wait until the broker has it. Any thread may call this.

        Raises:
            ActionError: the broker is away, refuses, or is silent for some seconds; the message is
                not kept.
        """
        connection = self._connection
        if not (connection and connection.is_open):
            raise ActionError(NO_BROKER)
        connection.publish_awaited(topic, payload.encode(), self._answer_timeout)

    def _wake(self) -> None:
        if connection := self._connection:
            connection.wake()

    # On the thread

    def _run(self) -> None:
        # With paho and OpenSSL it takes long to load on a Zero: nobody else should wait for it.
        with import_lock:
            from appliance.mqtt.broker_connection import BrokerConnection  # noqa: PLC0415 - see above

        while not self._ending.is_set():
            try:
                self._connection = connection = BrokerConnection(
                    self._settings.mqtt,
                    secrets.mqtt_password(self._settings.mqtt.password_file),
                    self._topics.identity,
                    last_will=self._topics.availability,
                    receive=self._receive,
                    older=self._older_broker,
                    connect_timeout=self._connect_timeout,
                )
                accepted = connection.open(self._ending.is_set)
                self._older_broker = connection.older
                if accepted:
                    self._use(connection)
            except BrokerError as error:
                self._health.note_failure(error.fault)
                self._ending.wait(self._reconnect.delay)

    def _use(self, connection: "BrokerConnection") -> None:
        """Publish what is due until it is time to end.

        Raises:
            BrokerError: the connection is lost.
        """
        self._begin(connection)
        try:
            while not self._ending.is_set():
                refusal, all_answered = connection.refusal, connection.all_answered
                self._health.note_connection(refusal, all_answered=all_answered)
                self._commands.post_due()
                self._publish_due(connection)
                connection.wait(self._due_in())
        finally:
            self._commands.post_due(early=True)
        self._say_goodbye(connection)

    def _begin(self, connection: "BrokerConnection") -> None:
        log.info("connected to the MQTT broker at %s", connection.address)
        self._reconnect.connected()
        self._events.clear()
        self._description.begin(delay=0.0)
        self._state.begin()
        self._partial.begin(republish=False)
        self._turns.begin()
        topics = [self._topics.command]
        if self._topics.discovery_prefix:
            topics.append(self._topics.birth)
        connection.subscribe(topics)
        connection.publish(self._topics.availability, ONLINE, retain=True)

    def _publish_due(self, connection: "BrokerConnection") -> None:
        topics = self._topics
        if payload := self._description.take():
            connection.publish(topics.discovery, payload, self._description.answered, retain=True)
        if payload := self._state.take():
            connection.publish(topics.state, payload, self._state.answered, retain=True)
        if payload := self._partial.take():
            connection.publish(topics.partial, payload, self._partial.answered)
        if turn := self._turns.take():
            connection.publish(topics.transcript, payloads.transcript(turn), self._turns.answered)
        while self._events:
            connection.publish(*self._events.popleft())

    def _say_goodbye(self, connection: "BrokerConnection") -> None:
        if self._shown:
            payload = msgspec.json.encode(payloads.final_state(self._shown))
            connection.publish(self._topics.state, payload, retain=True)
        connection.publish(self._topics.availability, OFFLINE, retain=True)
        connection.close(GOODBYE_TIMEOUT)

    def _due_in(self) -> float:
        """Return the seconds until something is due, if nobody calls `_wake`."""
        sources = (self._description, self._state, self._partial, self._turns, self._commands)
        return min(source.due_in() for source in sources)

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._topics.command:
            self._commands.receive(payload, retained=retained)
        is_birth = topic == self._topics.birth and payload == ONLINE and not retained
        # All appliances receive it at once, and maybe again and again.
        if is_birth and self._description.due_in() == math.inf:
            self._description.begin(delay=DESCRIPTION_INTERVAL + self._random())


def _outgoing_turns(history: Path) -> list[OutgoingTurn]:
    return reader.outgoing_turns(path_in_use(history))
