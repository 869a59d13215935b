"""Session of a client with the local service.

Three tasks share it. One receives: it checks each message on arrival, so that limits of time and
rate depend on when something was sent, not on when it is processed. Another has the recognizer
process the audio piece by piece, in a thread of the session. Between them is a bounded queue; if it
is full, TCP slows the client down. The third sends heartbeats, if the client wants them.
"""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from appliance.servers.local_service import protocol
from appliance.servers.local_service.admission import SessionSlot
from appliance.servers.local_service.audio_input import AudioInput
from appliance.servers.local_service.engines.base import Engine, Recognizer, SpeakerRecognizer
from appliance.servers.local_service.heartbeat import HEARTBEAT_INTERVAL, HeartbeatMeter
from appliance.servers.local_service.parameters import SessionParameters
from appliance.servers.local_service.refusals import (
    INACTIVE,
    INVALID,
    SESSION_EXPIRED,
    RefusedError,
)
from appliance.servers.local_service.speakers import LabelledTurns
from appliance.servers.local_service.turn_detector import (
    BYTES_PER_MS,
    STEP_MS,
    DetectorEvent,
    Pauses,
    SilenceDetected,
    SpeechDetected,
    TurnDetector,
    TurnUpdate,
)
from appliance.servers.local_service.turn_messages import turn_messages
from appliance.servers.local_service.voice_detector import voice_detector

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

PIECE_BYTES = STEP_MS * BYTES_PER_MS
MAX_PIECES_PER_SECOND = 20
"""Frames have at least 50 ms, and are divided into pieces of up to 100 ms."""


class StreamingSession:
    """A session on an accepted WebSocket.

    Args:
        websocket: the connection.
        parameters: the query of its handshake.
        engine: has the recognizers.
        slot: admits the session, until another client needs it.
        look_ahead: seconds by which audio may be ahead of real time.
        heartbeat_interval: seconds between two heartbeats.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        websocket: WebSocket,
        parameters: SessionParameters,
        engine: Engine,
        slot: SessionSlot,
        *,
        look_ahead: float,
        heartbeat_interval: float = HEARTBEAT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._websocket = websocket
        self._parameters = parameters
        self._engine = engine
        self._slot = slot
        self._clock = clock
        self._began = clock()
        self._idle = 0.0
        self._heartbeat_interval = heartbeat_interval
        self._meter = HeartbeatMeter(voice_detector(parameters.vad_threshold), clock)
        self._terminated = asyncio.Event()
        self._labelled: LabelledTurns | None = None
        self._id = str(uuid.uuid4())
        self._audio = AudioInput(
            parameters.sample_rate, look_ahead, clock, encoding=parameters.encoding
        )
        self._incoming: asyncio.Queue[bytes | protocol.ClientMessage] = asyncio.Queue(
            maxsize=max(1, int(look_ahead * MAX_PIECES_PER_SECOND))
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"recognizer-{self._id[:8]}")

    async def run(self) -> None:
        """Serve the client until it ends the session.

        Raises:
            RefusedError: the client broke a rule, the session's time is up, or its slot is lost.
            RecognizerError: there is no recognizer, or it failed.
            WebSocketDisconnect: the client disconnected.
        """
        with self._thread:
            # The engine comes first: from a session that has begun, an appliance concludes that
            # the service works, and does not use its fallback.
            recognizer = await self._on_thread(self._engine.acquire)
            try:
                await self._begin(recognizer)
                has_voice = voice_detector(self._parameters.vad_threshold)
                await self._serve(TurnDetector(recognizer, has_voice, self._pauses()))
            finally:
                await self._on_thread(self._engine.release, recognizer)
                log.info("session %s ended, %.1f s of audio", self._id, self._audio.seconds)

    async def _begin(self, recognizer: Recognizer) -> None:
        asked = self._parameters
        log.info("session %s begins with the model %s", self._id, asked.speech_model)
        if asked.speaker_labels and isinstance(recognizer, SpeakerRecognizer):
            await self._on_thread(recognizer.label_speakers, asked.max_speakers)
            interval = asked.speaker_labels_revision_interval_ms
            self._labelled = LabelledTurns(recognizer, interval)
        applied = protocol.Configuration.of(asked, knows_speakers=self._labelled is not None)
        await self._send(protocol.Begin(self._id, int(time.time() + self._slot.lifetime), applied))

    async def _serve(self, detector: TurnDetector) -> None:
        tasks = [
            asyncio.create_task(self._receive(), name="receive"),
            asyncio.create_task(self._process(detector), name="process"),
            asyncio.create_task(self._beat(), name="beat"),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # Receiving

    async def _receive(self) -> None:
        while True:
            message = await self._next_message()
            if (frame := message.get("bytes")) is not None:
                pcm = self._audio.convert(frame)
                self._meter.arrive(pcm, self._audio.seconds)
                for start in range(0, len(pcm), PIECE_BYTES):
                    await self._incoming.put(pcm[start : start + PIECE_BYTES])
                self._idle = 0.0
                continue
            command = protocol.client_message(message["text"])
            await self._incoming.put(command)
            if isinstance(command, protocol.KeepAlive):
                self._idle = 0.0
            if isinstance(command, protocol.Terminate):
                return

    async def _next_message(self) -> Message:
        now = self._clock()
        remaining = self._began + self._slot.lifetime - now
        idle_left = (self._parameters.inactivity_timeout or math.inf) - self._idle
        if remaining > 0 and idle_left > 0:
            try:
                seconds = min(remaining, idle_left)
                message = await self._slot.wait_for(self._websocket.receive, seconds)
            except TimeoutError:
                pass
            else:
                # Only waiting counts: audio may have waited for a slow recognizer.
                self._idle += self._clock() - now
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                return message
        if idle_left < remaining:
            raise RefusedError(INVALID, INACTIVE)
        raise RefusedError(SESSION_EXPIRED, "Session Expired: Maximum session duration exceeded")

    async def _beat(self) -> None:
        while not self._terminated.is_set():
            try:
                async with asyncio.timeout(self._heartbeat_interval):
                    await self._terminated.wait()
            except TimeoutError:
                message = self._meter.beat()
                # `Termination` may have gone out in this very moment, and nothing follows it.
                if self._parameters.session_heartbeat and not self._terminated.is_set():
                    await self._send(message)

    # Processing

    async def _process(self, detector: TurnDetector) -> None:
        await self._favour(detector, self._parameters.keyterms_prompt)
        while True:
            match await self._incoming.get():
                case bytes() as pcm:
                    await self._hear(detector, pcm)
                case protocol.ForceEndpoint():
                    await self._send_events(detector.end_turn())
                case protocol.UpdateConfiguration() as update:
                    await self._update(detector, update)
                case protocol.KeepAlive():
                    pass  # its arrival counts
                case protocol.Terminate():
                    await self._terminate(detector)
                    return

    async def _update(self, detector: TurnDetector, update: protocol.UpdateConfiguration) -> None:
        before, self._parameters = self._parameters, update.applied_to(self._parameters)
        detector.pauses = self._pauses()
        if self._parameters.vad_threshold != before.vad_threshold:
            detector.has_voice = voice_detector(self._parameters.vad_threshold)
        if self._parameters.keyterms_prompt != before.keyterms_prompt:
            await self._favour(detector, self._parameters.keyterms_prompt)

    async def _favour(self, detector: TurnDetector, terms: tuple[str, ...]) -> None:
        await self._on_thread(detector.favour, terms)

    async def _terminate(self, detector: TurnDetector) -> None:
        await self._send_events(detector.hear(self._audio.flush()))
        await self._send_events(detector.end_turn())
        await self._revise_speakers(is_last=True)
        self._terminated.set()
        await self._send(
            protocol.Termination(
                audio_duration_seconds=round(self._audio.seconds),
                session_duration_seconds=round(self._clock() - self._began),
            )
        )

    async def _hear(self, detector: TurnDetector, pcm: bytes) -> None:
        await self._send_events(detector.hear(pcm))
        await self._revise_speakers()

    async def _send_events(self, events: Iterator[DetectorEvent]) -> None:
        for event in await self._on_thread(list, events):
            match event:
                case SpeechDetected():
                    await self._send(protocol.SpeechStarted(event.position))
                case SilenceDetected():
                    if self._parameters.sends_silence:
                        await self._send(protocol.Silence(event.start, event.end))
                case TurnUpdate():
                    await self._send_turn(event)

    async def _send_turn(self, update: TurnUpdate) -> None:
        labelled = self._labelled
        for turn in turn_messages(update, self._parameters, labels=labelled is not None):
            if labelled and update.finished:
                labelled.keep(update.utterance, turn)
            await self._send(turn)

    async def _revise_speakers(self, *, is_last: bool = False) -> None:
        position = round(self._audio.seconds * 1000)
        if not self._labelled or not (is_last or self._labelled.is_due(position)):
            return
        if revision := await self._on_thread(self._labelled.revision, position):
            await self._send(revision)

    async def _send(self, message: protocol.ServiceMessage) -> None:
        await self._websocket.send_text(protocol.encoded(message))

    async def _on_thread(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return await asyncio.wrap_future(self._thread.submit(function, *args, **kwargs))

    def _pauses(self) -> Pauses:
        shortest, longest = self._parameters.turn_silences
        confidence = self._parameters.end_of_turn_confidence_threshold
        return Pauses(shortest, longest, confidence)
