"""One session of the local service: what a client sends, and what it is told.

Two tasks share it. One receives: it checks each message when it comes, so that rules on time and
rate are judged by when something was sent, not by when it was heard. The other hears, one piece of
audio at a time, with a recognizer whose work a thread of the session waits for. Between them is a
bounded queue; where it is full, a client is slowed down by TCP.
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
from appliance.servers.local_service.audio_input import IncomingAudio
from appliance.servers.local_service.engines.base import Engine
from appliance.servers.local_service.protocol import RefusedError, SessionParameters
from appliance.servers.local_service.turn_detector import (
    BYTES_PER_MS,
    STEP_MS,
    Heard,
    Pauses,
    SpeechBegan,
    TurnListener,
)
from appliance.servers.local_service.turn_messages import turn_messages
from appliance.servers.local_service.voice_detector import voice_detector

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

PIECE_BYTES = STEP_MS * BYTES_PER_MS
PIECES_A_SECOND = 20
"""At most: frames have at least 50 ms, and longer ones are cut into pieces of 100 ms."""


class StreamingSession:
    """A session on an accepted socket, for as long as it keeps its slot."""

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
        self._audio = IncomingAudio(
            parameters.sample_rate, look_ahead, clock, encoding=parameters.encoding
        )
        self._unheard: asyncio.Queue[bytes | protocol.ClientMessage] = asyncio.Queue(
            maxsize=max(1, int(look_ahead * PIECES_A_SECOND))
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"recognizer-{self._id[:8]}")

    async def run(self) -> None:
        """Converse until the client ends the session.

        Raises:
            RefusedError: the client broke a rule, the session's time is up, or its slot lost.
            RecognizerError: there is no recognizer to be had, or it can't go on.
            WebSocketDisconnect: the client went away.
        """
        with self._thread:
            # a session that has begun is a sign that all is well, and keeps a client from going on
            # elsewhere: so the engine comes first
            recognizer = await self._on_thread(self._engine.lend)
            try:
                await self._begin()
                detector = voice_detector(self._parameters.vad_threshold)
                await self._converse(TurnListener(recognizer, detector, self._pauses()))
            finally:
                await self._on_thread(self._engine.take_back, recognizer)
                log.info("session %s ended, %.1f s of audio", self._id, self._audio.seconds)

    async def _begin(self) -> None:
        log.info("session %s begins, asked for %s", self._id, self._parameters.speech_model)
        await self._tell(protocol.Begin(self._id, int(time.time() + self._slot.lifetime)))

    async def _converse(self, listener: TurnListener) -> None:
        tasks = [
            asyncio.create_task(self._receive(), name="receive"),
            asyncio.create_task(self._hear(listener), name="hear"),
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
                pcm = self._audio.take(frame)
                for start in range(0, len(pcm), PIECE_BYTES):
                    await self._unheard.put(pcm[start : start + PIECE_BYTES])
                continue
            said = protocol.client_message(message["text"])
            await self._unheard.put(said)
            if isinstance(said, protocol.Terminate):
                return

    async def _next_message(self) -> Message:
        lifetime = self._slot.lifetime
        remaining = self._began + lifetime - self._clock()
        patience = self._parameters.inactivity_timeout or lifetime
        if remaining > 0:
            try:
                seconds = min(remaining, patience)
                message = await self._slot.wait_for(self._websocket.receive, seconds)
            except TimeoutError:
                if patience < remaining:
                    raise RefusedError(protocol.IDLE, "Session idle for too long") from None
            else:
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                return message
        raise RefusedError(
            protocol.SESSION_EXPIRED, "Session Expired: Maximum session duration exceeded"
        )

    # Hearing

    async def _hear(self, listener: TurnListener) -> None:
        await self._favour(listener, self._parameters.keyterms_prompt)
        while True:
            match await self._unheard.get():
                case bytes() as pcm:
                    await self._tell_heard(listener.hear(pcm))
                case protocol.ForceEndpoint():
                    await self._tell_heard(listener.end_turn())
                case protocol.UpdateConfiguration() as update:
                    await self._update(listener, update)
                case protocol.KeepAlive():
                    pass  # that it came is all that it says
                case protocol.Terminate():
                    await self._terminate(listener)
                    return

    async def _update(self, listener: TurnListener, update: protocol.UpdateConfiguration) -> None:
        before, self._parameters = self._parameters, update.applied_to(self._parameters)
        listener.pauses = self._pauses()
        if self._parameters.vad_threshold != before.vad_threshold:
            listener.has_voice = voice_detector(self._parameters.vad_threshold)
        if self._parameters.keyterms_prompt != before.keyterms_prompt:
            await self._favour(listener, self._parameters.keyterms_prompt)

    async def _favour(self, listener: TurnListener, terms: tuple[str, ...]) -> None:
        await self._on_thread(listener.favour, terms)

    async def _terminate(self, listener: TurnListener) -> None:
        await self._tell_heard(listener.hear(self._audio.rest()))
        await self._tell_heard(listener.end_turn())
        await self._tell(
            protocol.Termination(
                audio_duration_seconds=round(self._audio.seconds),
                session_duration_seconds=round(self._clock() - self._began),
            )
        )

    async def _tell_heard(self, heard: Iterator[Heard]) -> None:
        for event in await self._on_thread(list, heard):
            if isinstance(event, SpeechBegan):
                await self._tell(protocol.SpeechStarted(event.position))
            else:
                for turn in turn_messages(event, self._parameters):
                    await self._tell(turn)

    async def _tell(self, message: protocol.ServiceMessage) -> None:
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
