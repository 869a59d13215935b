"""One WebSocket connection of the scripted service: its record, its rules and its faults.

The rules are those of the streaming protocol v3. A client that breaks one is noted as a violation
and, where the real service does so, answered with an `Error` and a close code.
"""

import json
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from websockets.frames import Opcode
from websockets.http11 import Request

from tests.rig.acknowledger import Acknowledger
from tests.rig.recognizer import BYTES_PER_SECOND, LaggingRecognizer, Message, NewRecognizer
from tests.rig.record import Arrival, Record, Sent
from tests.rig.wire import Wire

TICK = 0.01
"""Seconds between two looks at the time."""

FORMATTED_AT_ONCE = {"universal-3-6-pro", "universal-3-5-pro", "u3-rt-pro"}
"""Models whose finished turns come once, formatted."""


Heartbeats = Literal["go on", "stand still", "stop"]
"""What becomes of the heartbeats: they go on, acknowledge nothing new, or come no more."""

Action = Callable[["Connection"], None]


def _nothing(_: "Connection") -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Behaviour:
    """Actions at moments of a connection, on the connection's own thread."""

    before_handshake: Action = _nothing
    opened: Action = _nothing
    audio_arrived: Action = _nothing
    ticked: Action = _nothing
    terminating: Action = _nothing


@dataclass(frozen=True)
class ConnectionOptions:
    """Options of the service that hold for a connection."""

    new_recognizer: NewRecognizer
    admit: Callable[["Connection"], str]
    """Returns why a connection is refused, or nothing."""
    note_violation: Callable[[str], None]
    handshake_delay: float = 0.0
    hearing_delay: float = 0.0
    hearing_speed: float = float("inf")
    begin_expires_in: float = 10_800.0
    lose_formatted: bool = False
    word_time_error_ms: int = 0
    heartbeat_interval: float = 5.0
    configuration: Mapping[str, object] | None = None
    inactivity_timeout: float = float("inf")


class Connection:
    """Serves one client until either side ends it.

    `record` may be read at any time from any thread; `behave` and `send_raw` may be called from
    any thread. Everything else runs on the thread in `serve`, which is that of the behaviours.
    """

    def __init__(
        self,
        wire: Wire,
        request: Request,
        number: int,
        options: ConnectionOptions,
        behaviours: tuple[Behaviour, ...],
        stopping: threading.Event,
    ) -> None:
        self.record = Record(number, request.path, dict(request.headers.raw_items()))
        self.ignores_terminate = False
        self.is_deaf = False
        """Whether the recognizer hears nothing of what arrives."""
        self.heartbeats: Heartbeats = "go on"
        """What becomes of the heartbeats while it is deaf."""
        self.is_mute = False
        """Whether no heartbeat is sent in any case."""
        self.stopping = stopping
        self._wire = wire
        self._request = request
        self._options = options
        self._behaviours = list(behaviours)
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._acknowledger: Acknowledger | None = None
        self._active_at = time.monotonic()
        self._recognizer = LaggingRecognizer(
            options.new_recognizer(), options.hearing_delay, options.hearing_speed, time.monotonic()
        )

    @property
    def is_over(self) -> bool:
        """Whether either side has ended the connection."""
        return bool(self.record.ended_by)

    # From any thread

    def behave(self, behaviour: Behaviour) -> None:
        """Add a behaviour, from now on."""
        self._requests.put(lambda: self._behaviours.append(behaviour))

    def send_raw(self, message: str | bytes) -> None:
        """Send any text or binary message as it is."""
        self._requests.put(lambda: self._send(message))

    # For behaviours

    def answer_http(self, status: int, body: str) -> None:
        """Refuse the handshake with an HTTP status."""
        self._over("service", status)
        self._wire.answer(status, body)

    def fail(self, code: int, text: str, reason: str | None = None) -> None:
        """Send an `Error` and close with its code, and with its text unless a reason is given."""
        self._send({"type": "Error", "error_code": code, "error": text})
        self.close(code, text if reason is None else reason)

    def close(self, code: int, reason: str = "") -> None:
        """Close with this code and reason."""
        self._over("service", code)
        self._wire.close(code, reason)

    def reset(self) -> None:
        """End the connection with an RST."""
        self._over("service", None)
        self._wire.reset()

    def go_silent(self) -> None:
        """Stop reading and answering, with the socket open, until the service is stopped."""
        self._wire.narrow()
        self.stopping.wait()

    def vanish(self) -> None:
        """Leave every packet of the client unanswered until the service is stopped."""
        self._wire.vanish()
        self.stopping.wait()

    # The thread

    def serve(self) -> None:
        """Serve the client until the connection is over or the service is stopped."""
        try:
            self._open()
            while not self.is_over and not self.stopping.is_set():
                self._step()
        except OSError:
            self._over("network", None)
        finally:
            self._wire.abandon()

    def _open(self) -> None:
        self._apply(behaviour.before_handshake for behaviour in self._behaviours)
        if self.is_over:
            return
        self.stopping.wait(self._options.handshake_delay)
        self._wire.accept(self._request)
        self.record.opened_at = time.monotonic()
        self._apply(behaviour.opened for behaviour in self._behaviours)
        if self.is_over:
            return
        if refusal := self._options.admit(self):
            self._violation(refusal)
            self.fail(1008, f"Unauthorized connection: {refusal}")
        else:
            self._begin()

    def _begin(self) -> None:
        if (rate := self.record.query.get("sample_rate")) != "16000":
            self._violation(f"sample_rate is {rate}, the audio is 16000 Hz")
        expires_at = round(time.time() + self._options.begin_expires_in)
        begin = {"type": "Begin", "id": str(uuid.uuid4()), "expires_at": expires_at}
        if self._options.configuration is not None:
            begin["configuration"] = dict(self._options.configuration)
        self._send(begin)
        self._active_at = time.monotonic()
        self._acknowledger = Acknowledger(
            self.record.query, self._options.heartbeat_interval, self._active_at
        )

    def _step(self) -> None:
        for opcode, data in self._wire.read(TICK):
            if not self.is_over:
                self._take(opcode, data)
        while not self._requests.empty():
            self._requests.get()()
        for message in self._recognizer.hear(time.monotonic()) if not self.is_over else []:
            self._send_turn(message)
        if self._acknowledger and not self.is_over:
            for message in self._acknowledger.due(time.monotonic(), self):
                self._send(message)
        if time.monotonic() - self._active_at > self._options.inactivity_timeout:
            self.fail(3006, "Session terminated due to inactivity")
        self._apply(behaviour.ticked for behaviour in self._behaviours)
        if not self.is_over:
            self._end_when_asked()

    def _take(self, opcode: Opcode, data: bytes) -> None:
        if opcode is Opcode.BINARY:
            self._take_audio(data)
            return
        try:
            message = json.loads(data)
        except ValueError:
            self._violation("a text message is not JSON")
            self.fail(3006, "Invalid JSON")
            return
        self.record.messages.append(message)
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "Terminate":
            self._take_terminate()
        elif kind == "ForceEndpoint":
            self._recognizer.end_turn(time.monotonic())
        elif kind == "KeepAlive":
            self._active_at = time.monotonic()
        elif kind != "UpdateConfiguration":
            self._violation(f"a message has the unknown type {kind}")
            self.fail(3006, "Invalid Message Type")

    def _take_audio(self, data: bytes) -> None:
        length_ms = len(data) * 1000 / BYTES_PER_SECOND
        if self.record.terminated_at:
            self._violation("audio came after Terminate")
        if len(data) % 2:
            self._violation("a frame ends within a sample")
        if not 50 <= length_ms <= 1000:
            self._violation(f"a frame is {length_ms:g} ms long")
            self.fail(
                3007,
                f"Input Duration Violation: {length_ms:g} ms. Expected between 50 and 1000 ms",
            )
            return
        now = time.monotonic()
        self.record.audio += data
        self.record.frames.append(Arrival(now, length_ms))
        self._apply(behaviour.audio_arrived for behaviour in self._behaviours)
        self._active_at = now
        if self._acknowledger:
            self._acknowledger.take(data)
        # A deaf recognizer hears silence, so that words keep their places.
        self._recognizer.arrive(bytes(len(data)) if self.is_deaf else data, now)

    def _take_terminate(self) -> None:
        if self.record.terminated_at:
            self._violation("Terminate came twice")
            return
        self.record.terminated_at = time.monotonic()
        self._apply(behaviour.terminating for behaviour in self._behaviours)

    def _end_when_asked(self) -> None:
        if close := self._wire.close_received:
            if not self.record.terminated_at:
                self._violation(f"closed with {close.code} without Terminate")
            self._over("client", close.code)
            self._wire.finish()
        elif self.record.terminated_at and self._recognizer.is_idle and not self.ignores_terminate:
            self._terminate()

    def _terminate(self) -> None:
        for turn in self._recognizer.finish_turn():
            self._send_turn(turn)
        open_for = time.monotonic() - (self.record.opened_at or 0)
        self._send(
            {
                "type": "Termination",
                "audio_duration_seconds": round(self.record.audio_seconds),
                "session_duration_seconds": round(open_for),
            }
        )
        self.close(1000)

    # Messages

    def _send_turn(self, turn: Message) -> None:
        once = self.record.query.get("speech_model") in FORMATTED_AT_ONCE
        formats = once or self.record.query.get("format_turns", "").lower() == "true"
        if turn["turn_is_formatted"] and (self._options.lose_formatted or not formats):
            return
        if once and turn["end_of_turn"] and not turn["turn_is_formatted"]:
            return
        self._send(turn | {"words": [self._misplaced(word) for word in turn["words"]]})

    def _misplaced(self, word: Message) -> Message:
        """Return the word with its times off by as much as they may be, each time alike."""
        error = self._options.word_time_error_ms
        chance = random.Random(f"{self.record.number} {word['text']}")
        start = max(0, word["start"] + chance.randint(-error, error))
        end = max(start + 20, word["end"] + chance.randint(-error, error))
        return word | {"start": start, "end": end}

    def _send(self, message: Message | str | bytes) -> None:
        self.record.sent.append(Sent(time.monotonic(), message))
        self._wire.send(json.dumps(message) if isinstance(message, dict) else message)

    def _apply(self, actions: Iterable[Action]) -> None:
        for act in actions:
            if not self.is_over:
                act(self)

    def _over(self, ended_by: str, code: int | None) -> None:
        self.record.closed_at = time.monotonic()
        self.record.close_code = code
        self.record.ended_by = ended_by

    def _violation(self, what: str) -> None:
        self._options.note_violation(f"connection {self.record.number}: {what}")
