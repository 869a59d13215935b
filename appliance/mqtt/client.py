"""The box at home: tells the house over MQTT what goes on, and heeds what the house wishes."""

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

from appliance.core import events
from appliance.core.errors import ActionError
from appliance.core.events import BrokerFailed, BrokerRecovered, Event, Fault, Post
from appliance.history import reader
from appliance.history.records import OutgoingTurn
from appliance.mqtt import discovery, payloads
from appliance.mqtt.errands import NO_BROKER, REFUSES, AwaitedMessage, Errands
from appliance.mqtt.errors import DROPPED, BrokerError
from appliance.mqtt.newest import LatestValue
from appliance.mqtt.outbox import Outbox
from appliance.mqtt.payloads import State
from appliance.mqtt.reconnect import Reconnect
from appliance.mqtt.remote_commands import RemoteCommands
from appliance.mqtt.topics import Topics
from appliance.mqtt.wakeup import WakeupPipe
from appliance.screen.scene import Scene
from appliance.settings import Settings, secrets

if TYPE_CHECKING:
    from appliance.mqtt.connection import Connection

log = logging.getLogger(__name__)

STATE_INTERVAL = 0.5
PARTIAL_INTERVAL = 0.25
"""Seconds between two messages."""

ANSWER_TIME = 4.0
"""Seconds for the broker to acknowledge a message that somebody waits for."""

PATIENCE = 5.0
"""Seconds for that and for us: what is told to have failed can't happen any more."""

GOODBYE = 1.0
"""Seconds at the end for the broker to take that we are gone."""

LONGEST_END = 3.0
"""Seconds for the thread to end: one that looks up a name or connects can't be interrupted."""

INTRODUCTION_INTERVAL = 1.0
"""Seconds, at least, from Home Assistant's start to our introduction."""

MOST_EVENTS = 32
"""Spoken commands whose end waits to be told."""


class MqttClient:
    """Speaks with the broker on the thread "house"; whatever goes wrong there goes wrong there.

    `show`, `heed` and `publish` only hand over. Of the state and of the words being spoken the
    newest waits for the thread, of finished turns nothing: they lie in the history until the
    broker has them.

    Args:
        settings: all of them; `mqtt.host` is set.
        post: told Asked, BrokerFailed and BrokerHealed.
        delivered: takes a finished turn off the outgoing ones; returns at once.
        outgoing: returns the first of those; the history's when not given.
        clock: monotonic seconds.
        random: a number from 0 to 1, so that boxes don't all come back at the same moment.
    """

    def __init__(
        self,
        settings: Settings,
        post: Post,
        delivered: Callable[[OutgoingTurn], None],
        *,
        outgoing: Callable[[], Sequence[OutgoingTurn]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._post = post
        self._clock = clock
        self._random = random
        self._topics = Topics.of(settings)
        self._microphone: str | None = None
        self._state = LatestValue[State](STATE_INTERVAL)
        self._partial = LatestValue[str](PARTIAL_INTERVAL, "")
        path = Path(settings.history.path)
        read = outgoing or functools.partial(reader.outgoing_turns, path)
        self._deliveries = Outbox(read, delivered, clock)
        self._events: deque[events.CommandEnded] = deque(maxlen=MOST_EVENTS)
        self._errands = Errands()
        self._wishes = RemoteCommands(post, clock)
        self._older_broker = False
        self._retries = Reconnect(clock, random)
        self._introduce_at = 0.0
        self._connected = threading.Event()
        self._told: Fault | None = None
        self._ending = threading.Event()
        self._bell = WakeupPipe()
        self._thread = threading.Thread(target=self._run, name="house", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Say goodbye, and end the thread."""
        self._ending.set()
        self._bell.ring()
        self._thread.join(LONGEST_END)
        if self._thread.is_alive():
            log.warning("the MQTT broker takes too long; going without a goodbye")
        else:
            self._bell.close()

    def show(self, scene: Scene) -> None:
        """Tell the house what goes on, if that is news; returns at once."""
        state = payloads.state(scene, self._microphone, self._state.value)
        news = self._state.put(state)
        if self._settings.mqtt.partials:
            news |= self._partial.put(payloads.spoken(scene))
        if news:
            self._wake()

    def handle(self, event: Event) -> None:
        """Note what an event says to the house; returns at once."""
        match event:
            case events.MicrophoneOpened():
                self._microphone = event.device
            case events.MicrophoneFailed():
                self._microphone = None
            case events.TurnReceived() if event.turn.finished and event.turn.formatted:
                self._deliveries.note_formatted(event.session, event.turn.text)
            case events.Committed():
                self._deliveries.look()
                self._wake()
            case events.CommandEnded() if self._connected.is_set():
                self._events.append(event)
                self._bell.ring()

    def publish(self, topic: str, payload: str) -> None:
        """Publish a message, and wait until the broker has it. Any thread may call this.

        Raises:
            ActionError: the broker is away, refuses, or is silent for some seconds; the message is
                not kept.
        """
        if not self._connected.is_set():
            raise ActionError(NO_BROKER)
        errand = AwaitedMessage(topic, payload.encode(), self._clock() + ANSWER_TIME)
        self._errands.add(errand)
        self._bell.ring()
        errand.wait(PATIENCE)

    # On the thread

    def _run(self) -> None:
        # With paho and OpenSSL it takes long to load on a Zero: nobody else should wait for it.
        from appliance.mqtt.connection import Connection  # noqa: PLC0415 - see above

        while not self._ending.is_set():
            try:
                connection = Connection(
                    self._settings.mqtt,
                    secrets.mqtt_password(self._settings.mqtt.password_file),
                    self._topics.identity,
                    last_will=self._topics.availability,
                    receive=self._receive,
                    bell=self._bell,
                    older=self._older_broker,
                )
                is_let_in = connection.open(self._ending.is_set)
                self._older_broker = connection.older
                if is_let_in:
                    self._converse(connection)
            except BrokerError as failure:
                self._note_failure(failure)
                self._ending.wait(self._retries.delay)

    def _converse(self, connection: "Connection") -> None:
        """Publish what is due until it is time to end.

        Raises:
            BrokerError: the connection is lost.
        """
        self._begin(connection)
        try:
            while not self._ending.is_set():
                self._note_health(connection)
                self._wishes.grant()
                self._publish_due(connection)
                connection.wait(self._due_in())
        finally:
            self._connected.clear()
            self._errands.drop(self._clock())
            self._wishes.grant(early=True)
        self._say_goodbye(connection)

    def _begin(self, connection: "Connection") -> None:
        log.info("connected to the MQTT broker at %s", connection.place)
        now = self._clock()
        self._retries.connected()
        self._events.clear()
        self._state.begin(now, anew=True)
        self._partial.begin(now, anew=False)
        self._deliveries.begin()
        self._introduce_at = now
        listen_to = [self._topics.command]
        if self._topics.discovery_prefix:
            listen_to.append(self._topics.birth)
        connection.subscribe(listen_to)
        connection.publish(self._topics.availability, payloads.ONLINE, retain=True)
        self._connected.set()

    def _publish_due(self, connection: "Connection") -> None:
        now = self._clock()
        topics = self._topics
        if self._introduce_at <= now:
            self._introduce_at = math.inf
            self._introduce(connection)
        if state := self._state.take(now):
            payload = msgspec.json.encode(state)
            done = self._state.answered
            connection.publish(topics.state, payload, done, refused=done, retain=True)
        if (text := self._partial.take(now)) is not None:
            done = self._partial.answered
            connection.publish(topics.partial, payloads.partial(text), done, refused=done)
        if turn := self._deliveries.take():
            arrived, refused = self._deliveries.acknowledged, self._deliveries.refused
            payload = payloads.transcript(turn)
            connection.publish(topics.transcript, payload, arrived, refused=refused)
        while self._events:
            connection.publish(topics.event, payloads.event(self._events.popleft()))
        for errand in self._errands.take():
            refuse = functools.partial(errand.end, REFUSES)
            within = errand.due - now
            connection.publish_now(errand.topic, errand.payload, errand.end, refuse, within)

    def _introduce(self, connection: "Connection") -> None:
        if self._topics.discovery_prefix:
            names = [command.name for command in self._settings.commands]
            payload = discovery.device(self._topics, names)
            connection.publish(self._topics.discovery, payload, retain=True)

    def _say_goodbye(self, connection: "Connection") -> None:
        if state := self._state.value:
            payload = msgspec.json.encode(payloads.state_at_the_end(state))
            connection.publish(self._topics.state, payload, retain=True)
        connection.publish(self._topics.availability, payloads.OFFLINE, retain=True)
        connection.close(GOODBYE)

    def _due_in(self) -> float:
        """Return after how many seconds something is due, unless the bell rings."""
        now = self._clock()
        return min(
            self._state.due_in(now),
            self._partial.due_in(now),
            self._deliveries.due_in(),
            self._wishes.due_in(),
            max(0.0, self._introduce_at - now),
        )

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._topics.command:
            self._wishes.hear(payload, retained=retained)
        elif topic == self._topics.birth and payload == payloads.ONLINE and not retained:
            # All boxes of the house hear of it at once, and maybe again and again.
            seconds = INTRODUCTION_INTERVAL + self._random()
            self._introduce_at = min(self._introduce_at, self._clock() + seconds)

    # How it goes

    def _note_failure(self, failure: BrokerError) -> None:
        """Tell of a failure, once; not of a lost connection, which is but tried again at first."""
        had_been_connected = self._retries.failed()
        if had_been_connected:
            log.warning("MQTT: %s; trying again", failure.fault.detail)
        if self._retries.keeps_dropping:
            self._tell(msgspec.structs.replace(DROPPED, detail=failure.fault.detail))
        elif not had_been_connected:
            self._tell(failure.fault)

    def _tell(self, fault: Fault) -> None:
        if self._told is None or (self._told.what, self._told.remedy) != (fault.what, fault.remedy):
            log.warning("%s; trying again", fault)
            self._told = fault
            self._post(BrokerFailed(fault))

    def _note_health(self, connection: "Connection") -> None:
        if refusal := connection.refusal:
            self._tell(refusal)
        elif self._told and connection.all_answered and not self._retries.keeps_dropping:
            self._told = None
            self._post(BrokerRecovered())

    def _wake(self) -> None:
        if self._connected.is_set():
            self._bell.ring()
