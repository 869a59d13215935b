"""A Wyoming server over TCP whose answers and failures a test determines."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from appliance.servers.local_service.engines.pocketsphinx import PocketsphinxRecognizer
from appliance.servers.local_service.engines.subprocess_recognizer import SubprocessRecognizer
from appliance.servers.local_service.engines.wyoming.loop_thread import LoopThread
from tests.rig import packets

NOBODY = Attribution(name="the tests", url="")


class WyomingRig:
    """A server on a thread of its own; a context manager that starts and stops it.

    Args:
        hears: returns the transcript of an utterance's audio, or raises ValueError to refuse it.
        streams: whether to send all but the last word every half second.
        recognizes: whether the server describes itself as one for speech.
        impatient: bytes of audio after which it answers without waiting for the end.
        single: whether it does one thing at a time, and is silent while it transcribes.

    `requests` are those for transcripts, `lengths` the bytes of audio of those that were answered
    or are being transcribed; `concurrent` counts those between their beginning and their
    transcript.
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
        self.lengths: list[int] = []
        self.requests: list[Transcribe] = []
        self.concurrent = 0
        self.max_concurrent = 0
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
        """Close all connections and stop listening."""
        self.thaw()
        self._thread.submit(self._server.stop()).result()
        self._thread.close()

    def vanish(self) -> None:
        """Drop all packets, as if the cable was pulled."""
        for handler in self._server._handlers.values():
            packets.vanish(handler.writer.get_extra_info("socket"))
        with socket.socket(fileno=os.dup(self._listening)) as listening:
            packets.vanish(listening)

    def freeze(self) -> None:
        """Do nothing until `thaw`, as a stopped process, whose kernel still accepts data."""
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
        self._streamed = ""
        self._is_counted = False

    async def run(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client may disconnect
            await super().run()

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(self._rig.info.event())
        elif Transcribe.is_type(event.type):
            self._rig.requests.append(Transcribe.from_event(event))
        elif AudioStart.is_type(event.type):
            self._is_counted = True
            self._rig.concurrent += 1
            self._rig.max_concurrent = max(self._rig.max_concurrent, self._rig.concurrent)
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
        if settled != self._streamed:
            await self.write_event(TranscriptChunk(settled.removeprefix(self._streamed)).event())
            self._streamed = settled

    async def _answer(self) -> bool:
        self._rig.lengths.append(len(self._pcm))
        try:
            if self._rig.single:
                text = self._rig.hears(self._pcm)
            else:
                text = await asyncio.to_thread(self._rig.hears, self._pcm)
        except ValueError as error:
            self._uncount()
            await self.write_event(Error(str(error)).event())
        else:
            self._uncount()
            await self.write_event(Transcript(text).event())
            await self.write_event(TranscriptStop().event())
        return False

    async def disconnect(self) -> None:
        self._uncount()

    def _uncount(self) -> None:
        self._rig.concurrent -= self._is_counted
        self._is_counted = False


@contextlib.contextmanager
def pocketsphinx() -> Iterator[Callable[[bytes], str]]:
    """Provide a real recognizer of whole utterances.

    It has a process of its own, as a real server has: in this one, it would hold Python's lock
    while it works, and the server would seem to hang.
    """
    recognizer = SubprocessRecognizer(PocketsphinxRecognizer)
    alone = threading.Lock()

    def hears(pcm: bytes) -> str:
        with alone:
            recognizer.hear(pcm)
            return " ".join(word.text for word in recognizer.finish())

    try:
        yield hears
    finally:
        with alone:
            recognizer.close()


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
