"""Client of a Wyoming speech-to-text server, such as faster-whisper's or Vosk's for Home Assistant.

Each utterance has a connection of its own, since most servers close it after their answer. The
protocol is described with the `wyoming` package, under "Speech to Text".
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStop, VadSensitivity
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.json_decoder import MAX_SIZE
from appliance.core.json_response import redact
from appliance.servers.local_service.engines.base import RecognizerError
from appliance.servers.local_service.engines.wyoming.address import Address
from appliance.servers.local_service.engines.wyoming.event_reader import read_event
from appliance.servers.local_service.engines.wyoming.liveness import (
    PROBE_INTERVAL,
    LivenessMonitor,
    SilenceHistory,
    UnresponsiveError,
)

CONNECT_TIMEOUT = 5.0
"""Seconds to wait for a connection; resolving a name in a home network takes up to five."""

ANSWER_TIMEOUT = 30.0
"""Seconds to wait for the transcript, plus three times the length of the audio: the server may
have to finish another one first."""

BYTES_PER_SECOND = SAMPLE_RATE * SAMPLE_BYTES
CHUNK_BYTES = BYTES_PER_SECOND // 10
"""Bytes of audio in one event: 100 ms."""


class _Connection(AsyncTcpClient):
    """A connection that closes at once, even if the server has not read all that was sent."""

    async def disconnect(self) -> None:
        if self._writer and self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        await super().disconnect()

    async def read_event(self) -> Event | None:
        return await read_event(self._reader) if self._reader else None


class WyomingServer:
    """The server at an address. Every failure is a `RecognizerError` with this address.

    Args:
        address: the server, model and language.
        connect_timeout: seconds to wait for a connection.
        answer_timeout: seconds to wait for a transcript, plus three times the length of its audio.
        history: the server's silences so far.
        probe_interval: seconds between two probes while the server owes an answer.
    """

    def __init__(
        self,
        address: Address,
        connect_timeout: float = CONNECT_TIMEOUT,
        answer_timeout: float = ANSWER_TIMEOUT,
        history: SilenceHistory | None = None,
        probe_interval: float = PROBE_INTERVAL,
    ) -> None:
        self.address = address
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._history = history or SilenceHistory()
        self._liveness = LivenessMonitor(self._probe, self._history, probe_interval)

    async def streams(self) -> bool:
        """Return whether the server sends words while it is still receiving audio.

        Raises:
            RecognizerError: the server can't be reached, or recognizes no speech.
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        # A description needs no recognition, so a server that takes long for it hangs; unless it is
        # one that does nothing else while it transcribes.
        limit = max(self._connect_timeout, self._history.limit(audio=0))
        async with self._connection(None) as client, _hung_after(limit):
            await client.write_event(Describe().event())
            async for event in _events(client):
                if Info.is_type(event.type):
                    return self._streams(Info.from_event(event))
        raise RecognizerError(self._sentence("does not answer as a Wyoming server"))

    def time_for(self, seconds: float) -> float:
        """Return how many seconds to wait for the transcript of so many seconds of audio."""
        return self._answer_timeout + 3 * seconds

    async def transcript(
        self, pcm: bytes, terms: Sequence[str] = (), silence_limit: float = 0.0
    ) -> str:
        """Return the transcript of a whole utterance.

        Args:
            pcm: the audio, mono s16le, 16000 Hz.
            terms: words and phrases that it may contain.
            silence_limit: seconds that the server may be silent, whatever its history says.

        Raises:
            RecognizerError: the server can't be reached, refuses, or does not answer in time.
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        length = len(pcm) / BYTES_PER_SECOND
        async with (
            self._connection(self.time_for(length)) as client,
            self._liveness.watch(lambda: length, silence_limit),
        ):
            await self._begin(client, terms)
            for start in range(0, len(pcm), CHUNK_BYTES):
                await client.write_event(_chunk(pcm[start : start + CHUNK_BYTES]))
            await client.write_event(AudioStop().event())
            return await self._receive(client, lambda _: None)

    async def live_transcript(
        self,
        pieces: AsyncIterable[bytes],
        report: Callable[[str], None],
        terms: Sequence[str] = (),
    ) -> str:
        """Return the transcript of an utterance that is still being spoken.

        There is no time limit, since the utterance has none; the caller may cancel.

        Args:
            pieces: the audio, mono s16le, 16000 Hz, until the end of the utterance.
            report: called with the transcript so far each time that it has grown.
            terms: words and phrases that it may contain.

        Raises:
            RecognizerError: the server can't be reached, refuses, or disconnects.
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        audio = _MeasuredAudio(pieces)
        async with (
            self._connection(None) as client,
            self._liveness.watch(lambda: audio.seconds),
        ):
            await self._begin(client, terms)
            sending = asyncio.create_task(_send(client, audio))
            try:
                text = await self._receive(client, report)
                if not sending.done():
                    raise RecognizerError(self._sentence("answered before all was said"))
                return text
            finally:
                sending.cancel()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await sending

    async def _probe(self) -> None:
        """Return as soon as the server describes itself, or refuses to."""
        while True:
            try:
                async with self._connection(None) as client:
                    await client.write_event(Describe().event())
                    await client.read_event()
            except UnresponsiveError:
                continue
            except RecognizerError:
                return  # its pending answer will show the reason
            return

    @contextlib.asynccontextmanager
    async def _connection(self, seconds: float | None) -> AsyncIterator[AsyncTcpClient]:
        client = _Connection(self.address.host, self.address.port, self._connect_timeout)
        try:
            await client.connect()
        except TimeoutError as error:
            raise UnresponsiveError(self._sentence("can't be reached: no answer")) from error
        except OSError as error:
            raise RecognizerError(self._sentence(f"can't be reached: {_reason(error)}")) from error
        try:
            async with asyncio.timeout(seconds):
                yield client
        except UnresponsiveError as error:
            raise UnresponsiveError(self._sentence("hangs: it gives no sign of life")) from error
        except (OSError, EOFError) as error:
            # The kernel's timeout, after a machine disappeared, has an error number.
            is_late = isinstance(error, TimeoutError) and error.errno is None
            what = "gives no answer in time" if is_late else "went away before it answered"
            raise RecognizerError(self._sentence(what)) from error
        except (LookupError, TypeError, AttributeError) as error:
            # The package raises these if an answer lacks what the protocol requires.
            raise RecognizerError(self._sentence("does not answer as a Wyoming server")) from error
        finally:
            with contextlib.suppress(OSError):
                await client.disconnect()

    async def _begin(self, client: AsyncTcpClient, terms: Sequence[str]) -> None:
        """Announce an utterance, in which the server must not look for pauses."""
        request = Transcribe(
            name=self.address.model,
            language=self.address.language,
            vad_sensitivity=VadSensitivity.RELAXED,
            transcript_terms=list(terms) or None,
        )
        await client.write_event(request.event())
        await client.write_event(AudioStart(SAMPLE_RATE, SAMPLE_BYTES, 1, timestamp=0).event())

    async def _receive(self, client: AsyncTcpClient, report: Callable[[str], None]) -> str:
        text = ""
        async for event in _events(client):
            if Transcript.is_type(event.type):
                return _text_of(event)
            if TranscriptChunk.is_type(event.type):
                text += _text_of(event)
                if len(text) > MAX_SIZE:
                    raise RecognizerError(self._sentence("talks without end"))
                report(text)
            if TranscriptStop.is_type(event.type):
                return text
            if Error.is_type(event.type):
                refusal = redact(Error.from_event(event).text)
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
async def _hung_after(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnresponsiveError from error


def _reason(error: OSError) -> str:
    """Return the reason for a failed connection, without the address that asyncio adds."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def _events(client: AsyncTcpClient) -> AsyncIterator[Event]:
    while (event := await client.read_event()) is not None:
        yield event


class _MeasuredAudio:
    """The pieces of an utterance, and their length so far in seconds."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self.seconds = 0.0
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for pcm in self._pieces:
            self.seconds += len(pcm) / BYTES_PER_SECOND
            yield pcm


def _text_of(event: Event) -> str:
    text = event.data["text"]
    if not isinstance(text, str):
        raise TypeError("a transcript is text")
    return text


async def _send(client: AsyncTcpClient, pieces: AsyncIterable[bytes]) -> None:
    async for pcm in pieces:
        await client.write_event(_chunk(pcm))
    await client.write_event(AudioStop().event())


def _chunk(pcm: bytes) -> Event:
    return AudioChunk(SAMPLE_RATE, SAMPLE_BYTES, 1, pcm).event()
