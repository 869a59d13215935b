"""A Wyoming speech-to-text server, as faster-whisper, Vosk and others run for Home Assistant.

Each utterance has a connection of its own, since most servers close it after their answer. The
protocol is described beside the `wyoming` package, under "Speech to Text".
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStop, VadSensitivity
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.servers.local_service.engines.base import RecognizerError, UnknownEngineError
from appliance.servers.local_service.engines.wyoming.liveness import Liveness, Silences, SilentError

USUAL_PORT = 10300
"""Where Home Assistant's speech-to-text servers listen."""

CONNECT_TIME = 5.0
"""Seconds to wait for a connection: to look up a name in a home's network takes up to five."""

ANSWER_TIME = 30.0
"""Seconds to wait for the transcript of a server that is there, and three times the length of its
audio more: it may have to finish another one first."""

BYTES_PER_SECOND = SAMPLE_RATE * SAMPLE_BYTES
PIECE = BYTES_PER_SECOND // 10
"""Bytes of audio in one event: 100 ms."""


class Address(msgspec.Struct, frozen=True):
    """Which server, and what it shall use: its own choice of model and language unless named."""

    host: str
    port: int = USUAL_PORT
    model: str | None = None
    language: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the address that `wyoming://HOST[:PORT][?model=...&language=...]` means.

        Raises:
            UnknownEngineError: the URL is no such address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or USUAL_PORT
            choices = parse_qs(parts.query, strict_parsing=bool(parts.query))
        except ValueError as error:
            raise UnknownEngineError(f'"{url}" is no address: {error}') from error
        known = choices.keys() <= {"model", "language"}
        if parts.scheme != "wyoming" or not parts.hostname or parts.path.strip("/") or not known:
            raise UnknownEngineError(
                f'"{url}" is no address of a Wyoming server: write wyoming://HOST:PORT, '
                "and ?language=CODE or ?model=NAME after it if need be"
            )
        chosen = {name: values[-1] for name, values in choices.items()}
        return cls(parts.hostname, port, **chosen)

    def __str__(self) -> str:
        """Return the address without the choices."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"wyoming://{host}:{self.port}"


class _Client(AsyncTcpClient):
    """A connection that ends at once, though the server may be too slow to take all it was sent."""

    async def disconnect(self) -> None:
        if self._writer and self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        await super().disconnect()


class WyomingServer:
    """The server at an address. Every failure is a `RecognizerError` that names it."""

    def __init__(
        self,
        address: Address,
        connect_time: float = CONNECT_TIME,
        answer_time: float = ANSWER_TIME,
        silences: Silences | None = None,
    ) -> None:
        self.address = address
        self._connect_time = connect_time
        self._answer_time = answer_time
        self._silences = silences or Silences()
        self._pulse = Liveness(self._sign_of_life, self._silences)

    async def streams(self) -> bool:
        """Tell whether the server says words while it still listens.

        Raises:
            RecognizerError: it can't be reached, or recognizes no speech.
            SilentError: it is not there, or hangs.
        """
        # It need but say what it is, not hear anything: one that takes long for that hangs, unless
        # it is known to do nothing else while it thinks.
        patience = max(self._connect_time, self._silences.bearable(audio=0))
        async with self._conversation(None) as client, _taken_for_hanging_after(patience):
            await client.write_event(Describe().event())
            async for event in _events(client):
                if Info.is_type(event.type):
                    return self._streams(Info.from_event(event))
        raise RecognizerError(self._sentence("does not answer as a Wyoming server"))

    def time_for(self, seconds: float) -> float:
        """Return how long to wait for the transcript of so much audio, in seconds."""
        return self._answer_time + 3 * seconds

    async def transcript(self, pcm: bytes, terms: Sequence[str] = (), patience: float = 0.0) -> str:
        """Return what a whole utterance (mono s16le, 16000 Hz) says; it may hold the `terms`.

        The server may be silent for `patience` seconds, however little is known of it.

        Raises:
            RecognizerError: the server can't be reached, refuses, or gives no answer in time.
            SilentError: it is not there, or hangs.
        """
        length = len(pcm) / BYTES_PER_SECOND
        async with (
            self._conversation(self.time_for(length)) as client,
            self._pulse.felt(lambda: length, patience),
        ):
            await self._begin(client, terms)
            for start in range(0, len(pcm), PIECE):
                await client.write_event(_chunk(pcm[start : start + PIECE]))
            await client.write_event(AudioStop().event())
            return await self._answer(client, _ignore)

    async def live_transcript(
        self,
        pieces: AsyncIterable[bytes],
        tell: Callable[[str], None],
        terms: Sequence[str] = (),
    ) -> str:
        """Return what an utterance says that is still being spoken.

        `pieces` ends when the utterance does; `tell` is called with all that was heard, as often as
        more is. The caller says when it takes too long.

        Raises:
            RecognizerError: the server can't be reached, refuses, or goes away.
            SilentError: it is not there, or hangs.
        """
        spoken = _Measured(pieces)
        async with (
            self._conversation(None) as client,
            self._pulse.felt(lambda: spoken.seconds),
        ):
            await self._begin(client, terms)
            speaking = asyncio.create_task(_speak(client, spoken))
            try:
                text = await self._answer(client, tell)
                if not speaking.done():
                    raise RecognizerError(self._sentence("answered before all was said"))
                return text
            finally:
                speaking.cancel()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await speaking

    async def _sign_of_life(self) -> None:
        """Return when the server says what it is, or that it won't; not before."""
        while True:
            try:
                async with self._conversation(None) as client:
                    await client.write_event(Describe().event())
                    await client.read_event()
            except SilentError:
                continue
            except RecognizerError:
                return  # what is wrong with it, its answer will show
            return

    @contextlib.asynccontextmanager
    async def _conversation(self, seconds: float | None) -> AsyncIterator[AsyncTcpClient]:
        client = _Client(self.address.host, self.address.port, self._connect_time)
        try:
            await client.connect()
        except TimeoutError as error:
            raise SilentError(self._sentence("can't be reached: no answer")) from error
        except OSError as error:
            raise RecognizerError(self._sentence(f"can't be reached: {_reason(error)}")) from error
        try:
            async with asyncio.timeout(seconds):
                yield client
        except SilentError as error:
            raise SilentError(self._sentence("hangs: it gives no sign of life")) from error
        except (OSError, EOFError) as error:
            # the kernel's time-out, of a machine that gives no sign of life, has a number
            late = isinstance(error, TimeoutError) and error.errno is None
            what = "gives no answer in time" if late else "went away before it answered"
            raise RecognizerError(self._sentence(what)) from error
        except (LookupError, TypeError, AttributeError) as error:
            # what the package makes of an answer that lacks what the protocol says
            raise RecognizerError(self._sentence("does not answer as a Wyoming server")) from error
        finally:
            with contextlib.suppress(OSError):
                await client.disconnect()

    async def _begin(self, client: AsyncTcpClient, terms: Sequence[str]) -> None:
        """Announce an utterance; the pauses in it are ours to judge, not the server's."""
        wanted = Transcribe(
            name=self.address.model,
            language=self.address.language,
            vad_sensitivity=VadSensitivity.RELAXED,
            transcript_terms=list(terms) or None,
        )
        await client.write_event(wanted.event())
        await client.write_event(AudioStart(SAMPLE_RATE, SAMPLE_BYTES, 1, timestamp=0).event())

    async def _answer(self, client: AsyncTcpClient, tell: Callable[[str], None]) -> str:
        text = ""
        async for event in _events(client):
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text
            if TranscriptChunk.is_type(event.type):
                text += TranscriptChunk.from_event(event).text
                tell(text)
            if TranscriptStop.is_type(event.type):
                return text
            if Error.is_type(event.type):
                refusal = Error.from_event(event).text
                raise RecognizerError(self._sentence(f"can't transcribe: {refusal}"))
        raise RecognizerError(self._sentence("went away before it answered"))

    def _streams(self, info: Info) -> bool:
        if not info.asr:
            raise RecognizerError(self._sentence("recognizes no speech: name another server"))
        models = {model.name: program for program in info.asr for model in program.models}
        program = models.get(self.address.model or "", info.asr[0])
        return program.supports_transcript_streaming

    def _sentence(self, what: str) -> str:
        return f"The engine {self.address} {what}"


@contextlib.asynccontextmanager
async def _taken_for_hanging_after(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise SilentError from error


def _reason(error: OSError) -> str:
    """Return why there is no connection, without the address, which asyncio puts in its words."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def _events(client: AsyncTcpClient) -> AsyncIterator[Event]:
    while (event := await client.read_event()) is not None:
        yield event


class _Measured:
    """The pieces of an utterance, and how many seconds of it there were so far."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self.seconds = 0.0
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for pcm in self._pieces:
            self.seconds += len(pcm) / BYTES_PER_SECOND
            yield pcm


async def _speak(client: AsyncTcpClient, pieces: AsyncIterable[bytes]) -> None:
    async for pcm in pieces:
        await client.write_event(_chunk(pcm))
    await client.write_event(AudioStop().event())


def _chunk(pcm: bytes) -> Event:
    return AudioChunk(SAMPLE_RATE, SAMPLE_BYTES, 1, pcm).event()


def _ignore(_: str) -> None:
    """Take no notice of what is heard before the end."""
