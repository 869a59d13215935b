"""The real `MqttClient`, with finished turns in a list instead of a history."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from msgspec.structs import replace

from appliance.core.events import Committed, Event
from appliance.core.speakers import Speaker
from appliance.core.turns import Covered, Key
from appliance.history.records import OutgoingTurn
from appliance.mqtt.client import ANSWER_TIMEOUT, MqttClient
from appliance.mqtt.reconnect import CONNECT_TIMEOUT
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import MqttSettings
from tests.rig.waiting import wait_until

Posted = TypeVar("Posted", bound=Event)

NAME = "kitchen"

SETTLING_TIME = 0.1
"""Seconds; the formatted texts of these tests come at once, if at all."""


class OutgoingTurns:
    """Stands in for the history; it outlasts a client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[OutgoingTurn] = []
        self._said = 0

    def say(self, text: str = "") -> OutgoingTurn:
        """Keep a finished turn."""
        with self._lock:
            self._said += 1
            number = self._said
            words = text or f"turn {number}"
            turn = OutgoingTurn("s1", 0, number, words, 1e9 + number, 1e9 + number + 1)
            self._waiting.append(turn)
        return turn

    def change(self, turn: OutgoingTurn, text: str, speaker: Speaker | None = None) -> None:
        """Give a turn another text, and a speaker."""
        with self._lock:
            place = self._waiting.index(turn)
            self._waiting[place] = replace(turn, text=text, speaker=speaker)

    def put_back(self, turn: OutgoingTurn) -> None:
        """Let a turn be outgoing again."""
        with self._lock:
            self._waiting.append(turn)

    def read(self, limit: int = 32) -> list[OutgoingTurn]:
        """Return the first ones."""
        with self._lock:
            return self._waiting[:limit]

    def delivered(self, turn: OutgoingTurn, then: Callable[[], None] = lambda: None) -> None:
        """Take one off."""
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting.id != turn.id]
        then()

    @property
    def all_delivered(self) -> bool:
        return not self.read()


class RunningClient:
    """A client of a broker; a context manager that starts and ends it."""

    def __init__(
        self,
        mqtt: MqttSettings,
        turns: OutgoingTurns | None = None,
        *,
        settings: Settings | None = None,
        random: Callable[[], float] = lambda: 0.0,
        settling_time: float = SETTLING_TIME,
        answer_timeout: float = ANSWER_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        reconnect_delay: float = 0.1,
    ) -> None:
        self.turns = turns or OutgoingTurns()
        self.posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.settings = replace(settings or Settings(), name=NAME, mqtt=mqtt)
        self.client = MqttClient(
            self.settings,
            self.posted.put,
            self.turns.delivered,
            outgoing=self.turns.read,
            random=random,
            settling_time=settling_time,
            answer_timeout=answer_timeout,
            connect_timeout=connect_timeout,
            reconnect_delay=reconnect_delay,
        )

    def __enter__(self) -> Self:
        self.client.start()
        self.show(Scene(Mode.READY))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.end()

    def show(self, scene: Scene) -> None:
        self.client.show(scene)

    def say(self, text: str = "") -> OutgoingTurn:
        """Keep a finished turn, and notify the client."""
        turn = self.turns.say(text)
        self.commit()
        return turn

    def commit(self, formatted: Key | None = None) -> None:
        """Notify the client that something was written."""
        self.client.handle(Committed("s1", Covered(), formatted=formatted))

    def wait_for(self, kind: type[Posted]) -> Posted:
        """Return the next event of this kind that the client posts."""
        while True:
            event = self.posted.get(timeout=60)
            if isinstance(event, kind):
                return event

    def wait_until_delivered(self, within: float = 60.0) -> None:
        wait_until(lambda: self.turns.all_delivered, within)


def thread_of(name: str) -> threading.Thread | None:
    """Return the running thread of this name, if there is one."""
    return next((it for it in threading.enumerate() if it.name == name), None)
