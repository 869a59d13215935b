"""A real Wyoming server, over TCP, that can be stopped, started again and told what to answer."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pocketsphinx import Decoder
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from appliance.servers.local_service.engines.wyoming.loop_thread import LoopThread
from tests.rig import packets

NOBODY = Attribution(name="the tests", url="")


class WyomingRig:
    """Answers what `hears` makes of an utterance's audio, on a thread of its own.

    A server that `streams` says all but the last word of that every half second. `impatient`
    is after how many bytes of audio it answers without waiting for the end. One that is `single`
    does one thing at a time, and is silent to everybody while it thinks.
    """

    def __init__(
        self,
        hears: Callable[[bytes], str],
        *,
        streams: bool = False,
        recognizes: bool = True,
        impatient: int | None = None,
        single: bool = False,
    ) -> None:
        self.hears = hears
        self.streams = streams
        self.impatient = impatient
        self.single = single
        self.asked: list[int] = []
        self.wanted: list[Transcribe] = []
        self.at_once = 0
        self.most_at_once = 0
        self.info = _info(streams=streams) if recognizes else Info()
        self._port = 0
        self._thawed = threading.Event()

    @property
    def url(self) -> str:
        return f"wyoming://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._thread = LoopThread("wyoming-rig")
        self._server = AsyncTcpServer("127.0.0.1", self._port)
        self._thread.submit(self._start()).result()

    def stop(self) -> None:
        """Go away in the middle of whatever is being said."""
        self.thaw()
        self._thread.submit(self._server.stop()).result()
        self._thread.close()

    def vanish(self) -> None:
        """Answer nothing more to anybody, as if the cable was pulled."""
        for handler in self._server._handlers.values():
            packets.vanish(handler.writer.get_extra_info("socket"))
        with socket.socket(fileno=os.dup(self._listening)) as listening:
            packets.vanish(listening)

    def freeze(self) -> None:
        """Do nothing more until it is thawed, as a stopped process; the kernel goes on."""
        self._thawed.clear()
        self._thread.call(self._thawed.wait)

    def thaw(self) -> None:
        self._thawed.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _start(self) -> None:
        await self._server.start(lambda reader, writer: _Handler(self, reader, writer))
        assert isinstance(self._server._server, asyncio.Server)
        (listening,) = self._server._server.sockets
        self._listening = listening.fileno()
        self._port = listening.getsockname()[1]


class _Handler(AsyncEventHandler):
    def __init__(
        self, rig: WyomingRig, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._rig = rig
        self._pcm = b""
        self._told = ""

    async def run(self) -> None:
        with contextlib.suppress(ConnectionError):  # a client may lose interest
            await super().run()

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(self._rig.info.event())
        elif Transcribe.is_type(event.type):
            self._rig.wanted.append(Transcribe.from_event(event))
        elif AudioStart.is_type(event.type):
            self._rig.at_once += 1
            self._rig.most_at_once = max(self._rig.most_at_once, self._rig.at_once)
            await self.write_event(TranscriptStart().event())
        elif AudioChunk.is_type(event.type):
            self._pcm += AudioChunk.from_event(event).audio
            if self._rig.impatient is not None and len(self._pcm) >= self._rig.impatient:
                return await self._answer()
            if self._rig.streams and len(self._pcm) % 16_000 == 0:
                await self._stream()
        elif AudioStop.is_type(event.type):
            return await self._answer()
        return True

    async def _stream(self) -> None:
        settled = self._rig.hears(self._pcm).rpartition(" ")[0]
        if settled != self._told:
            await self.write_event(TranscriptChunk(settled.removeprefix(self._told)).event())
            self._told = settled

    async def _answer(self) -> bool:
        self._rig.asked.append(len(self._pcm))
        try:
            if self._rig.single:
                text = self._rig.hears(self._pcm)
            else:
                text = await asyncio.to_thread(self._rig.hears, self._pcm)
        except ValueError as error:
            await self.write_event(Error(str(error)).event())
        else:
            await self.write_event(Transcript(text).event())
            await self.write_event(TranscriptStop().event())
        return False

    async def disconnect(self) -> None:
        self._rig.at_once -= bool(self._pcm)


def pocketsphinx() -> Callable[[bytes], str]:
    """Return a real recognizer of whole utterances."""
    decoder = Decoder(samprate=16_000, maxhmmpf=3000, loglevel="FATAL")
    alone = threading.Lock()

    def hears(pcm: bytes) -> str:
        with alone:
            decoder.start_utt()
            decoder.process_raw(pcm, full_utt=True)
            decoder.end_utt()
            hypothesis = decoder.hyp()
            return hypothesis.hypstr if hypothesis else ""

    return hears


def _info(*, streams: bool) -> Info:
    model = AsrModel(
        name="small",
        attribution=NOBODY,
        installed=True,
        description=None,
        version=None,
        languages=["en"],
    )
    program = AsrProgram(
        name="rig",
        attribution=NOBODY,
        installed=True,
        description=None,
        version=None,
        models=[model],
        supports_transcript_streaming=streams,
    )
    return Info(asr=[program])
