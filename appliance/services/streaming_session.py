"""One session of the local service: what a client sends, and what it is told.

The recognizer works on a thread that the session owns, one piece of audio at a time, and the next
frame is taken from the socket when the last one has been heard. So a client that sends faster than
the machine recognizes is slowed down by TCP, and nothing piles up here.
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

from appliance.services import wire
from appliance.services.incoming_audio import IncomingAudio
from appliance.services.pocketsphinx_engine import voice_detector
from appliance.services.recognizer import RecognizerPool
from appliance.services.turn_listener import Heard, Pauses, SpeechBegan, TurnListener
from appliance.services.turn_messages import turn_messages
from appliance.services.wire import RefusedError, SessionParameters

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class StreamingSession:
    """A session on an accepted socket. `lifetime` is the longest it may last, in seconds."""

    def __init__(
        self,
        websocket: WebSocket,
        parameters: SessionParameters,
        recognizers: RecognizerPool,
        *,
        lifetime: float,
        look_ahead: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._websocket = websocket
        self._parameters = parameters
        self._recognizers = recognizers
        self._lifetime = lifetime
        self._clock = clock
        self._began = clock()
        self._id = str(uuid.uuid4())
        self._audio = IncomingAudio(parameters.sample_rate, look_ahead, clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"recognizer-{self._id[:8]}")

    async def run(self) -> None:
        """Converse until the client ends the session.

        Raises:
            RefusedError: the client broke a rule, or the session's time is up.
            WebSocketDisconnect: the client went away.
        """
        await self._tell(wire.Begin(self._id, int(time.time() + self._lifetime)))
        with self._thread:
            recognizer = await self._on_thread(self._recognizers.lend)
            detector = voice_detector(self._parameters.vad_threshold)
            try:
                await self._converse(TurnListener(recognizer, detector, self._pauses()))
            finally:
                await self._on_thread(self._recognizers.take_back, recognizer)
                log.info("session %s ended, %.1f s of audio", self._id, self._audio.seconds)

    async def _converse(self, listener: TurnListener) -> None:
        while True:
            message = await self._next_message()
            if (frame := message.get("bytes")) is not None:
                await self._tell_heard(listener.hear(self._audio.take(frame)))
                continue
            match wire.client_message(message["text"]):
                case wire.Terminate():
                    await self._terminate(listener)
                    return
                case wire.ForceEndpoint():
                    await self._tell_heard(listener.end_turn())
                case wire.UpdateConfiguration() as update:
                    self._parameters = update.applied_to(self._parameters)
                    listener.pauses = self._pauses()
                case wire.KeepAlive():
                    pass  # that it came is all that it says

    async def _next_message(self) -> Message:
        remaining = self._began + self._lifetime - self._clock()
        patience = self._parameters.inactivity_timeout or self._lifetime
        if remaining > 0:
            try:
                async with asyncio.timeout(min(remaining, patience)):
                    message = await self._websocket.receive()
            except TimeoutError:
                if patience < remaining:
                    raise RefusedError(wire.IDLE, "Session idle for too long") from None
            else:
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                return message
        raise RefusedError(
            wire.SESSION_EXPIRED, "Session Expired: Maximum session duration exceeded"
        )

    async def _terminate(self, listener: TurnListener) -> None:
        await self._tell_heard(listener.hear(self._audio.rest()))
        await self._tell_heard(listener.end_turn())
        await self._tell(
            wire.Termination(
                audio_duration_seconds=round(self._audio.seconds),
                session_duration_seconds=round(self._clock() - self._began),
            )
        )

    async def _tell_heard(self, heard: Iterator[Heard]) -> None:
        formatted = self._parameters.format_turns or self._parameters.formatted_finals
        for event in await self._on_thread(list, heard):
            if isinstance(event, SpeechBegan):
                await self._tell(wire.SpeechStarted(event.position))
            else:
                for turn in turn_messages(event, formatted=formatted):
                    await self._tell(turn)

    async def _tell(self, message: wire.ServiceMessage) -> None:
        await self._websocket.send_text(wire.encoded(message))

    async def _on_thread(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return await asyncio.wrap_future(self._thread.submit(function, *args, **kwargs))

    def _pauses(self) -> Pauses:
        return Pauses(self._parameters.min_turn_silence, self._parameters.max_turn_silence)
