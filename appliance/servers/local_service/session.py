"""Session of a client with the local service.

Two tasks share it. One receives: it checks each message on arrival, so that limits of time and rate
depend on when something was sent, not on when it is processed. The other has the recognizer process
the audio piece by piece, in a thread of the session. Between them is a bounded queue; if it is
full, TCP slows the client down.
"""

import asyncio
import logging
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
from appliance.servers.local_service.engines.base import Engine
from appliance.servers.local_service.protocol import RefusedError, SessionParameters
from appliance.servers.local_service.turn_detector import (
    BYTES_PER_MS,
    STEP_MS,
    DetectorEvent,
    Pauses,
    SpeechDetected,
    TurnDetector,
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._websocket = websocket
        self._parameters = parameters
        self._engine = engine
        self._slot = slot
        self._clock = clock
        self._began = clock()
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
                await self._begin()
                has_voice = voice_detector(self._parameters.vad_threshold)
                await self._serve(TurnDetector(recognizer, has_voice, self._pauses()))
            finally:
                await self._on_thread(self._engine.release, recognizer)
                log.info("session %s ended, %.1f s of audio", self._id, self._audio.seconds)

    async def _begin(self) -> None:
        log.info("session %s begins with the model %s", self._id, self._parameters.speech_model)
        await self._send(protocol.Begin(self._id, int(time.time() + self._slot.lifetime)))

    async def _serve(self, detector: TurnDetector) -> None:
        tasks = [
            asyncio.create_task(self._receive(), name="receive"),
            asyncio.create_task(self._process(detector), name="process"),
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
                for start in range(0, len(pcm), PIECE_BYTES):
                    await self._incoming.put(pcm[start : start + PIECE_BYTES])
                continue
            command = protocol.client_message(message["text"])
            await self._incoming.put(command)
            if isinstance(command, protocol.Terminate):
                return

    async def _next_message(self) -> Message:
        lifetime = self._slot.lifetime
        remaining = self._began + lifetime - self._clock()
        idle_timeout = self._parameters.inactivity_timeout or lifetime
        if remaining > 0:
            try:
                seconds = min(remaining, idle_timeout)
                message = await self._slot.wait_for(self._websocket.receive, seconds)
            except TimeoutError:
                if idle_timeout < remaining:
                    raise RefusedError(protocol.IDLE, "Session idle for too long") from None
            else:
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                return message
        raise RefusedError(
            protocol.SESSION_EXPIRED, "Session Expired: Maximum session duration exceeded"
        )

    # Processing

    async def _process(self, detector: TurnDetector) -> None:
        await self._favour(detector, self._parameters.keyterms_prompt)
        while True:
            match await self._incoming.get():
                case bytes() as pcm:
                    await self._send_events(detector.hear(pcm))
                case protocol.ForceEndpoint():
                    await self._send_events(detector.end_turn())
                case protocol.UpdateConfiguration() as update:
                    await self._update(detector, update)
                case protocol.KeepAlive():
                    pass  # its arrival has reset the timeout
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
        await self._send(
            protocol.Termination(
                audio_duration_seconds=round(self._audio.seconds),
                session_duration_seconds=round(self._clock() - self._began),
            )
        )

    async def _send_events(self, events: Iterator[DetectorEvent]) -> None:
        for event in await self._on_thread(list, events):
            if isinstance(event, SpeechDetected):
                await self._send(protocol.SpeechStarted(event.position))
            else:
                for turn in turn_messages(event, self._parameters):
                    await self._send(turn)

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
        return Pauses(
            shortest=self._parameters.min_turn_silence,
            longest=self._parameters.max_turn_silence,
            confidence=self._parameters.end_of_turn_confidence_threshold,
        )
