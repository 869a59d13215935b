"""Interim transcripts of an utterance while it is being spoken.

Wyoming servers transcribe whole utterances. Newer ones stream the words that are settled; from the
others, the transcript of the audio so far is requested now and then.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.servers.local_service.engines.base import HeardWord, RecognizerError
from appliance.servers.local_service.engines.wyoming.client import WyomingServer
from appliance.servers.local_service.engines.wyoming.liveness import UnresponsiveError
from appliance.servers.local_service.engines.wyoming.loop_thread import LoopThread
from appliance.servers.local_service.engines.wyoming.word_timing import estimate_times

log = logging.getLogger(__name__)

MIN_INTERIM_MS = 500
"""Audio between two requests for an interim transcript, at least."""

INTERIM_SHARE = 8
"""Between two requests the utterance grows by an eighth: all together, they send it nine times."""

MAX_WORDLESS_STREAM_MS = 3000
"""Audio without a streamed word after which interim transcripts are requested after all."""


class Utterance:
    """The utterance that is being spoken: its audio, and the server's words so far."""

    def __init__(
        self,
        server: WyomingServer,
        terms: Sequence[str],
        *,
        streaming: bool,
        clock: Callable[[], float],
    ) -> None:
        self.pcm = bytearray()
        self._covered_ms = 0
        self._server = server
        self._terms = terms
        self._clock = clock
        self._words: list[HeardWord] = []
        self._thread = LoopThread("wyoming-utterance")
        self._live = LiveTranscript(server, terms, self._thread) if streaming else None
        self._streamed = ""
        self._interim: Future[str] | None = None
        self._interim_ms = 0
        self._requested_at = clock()
        self._rest_until = clock()

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Add audio; return the words that are known so far.

        Raises:
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        self.pcm += pcm
        if self._live:
            self._live.hear(pcm)
            if self._live.text != self._streamed:
                self._streamed = self._live.text
                self._take(self._streamed, self._length)
        if self._interim and self._interim.done():
            self._take_interim(self._interim)
        if self._interim is None and self._is_due():
            self._request_interim()
        return self._words

    def finish(self) -> str | None:
        """End the utterance; return its transcript if the server streamed it.

        Raises:
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        try:
            return self._live.finish() if self._live else None
        finally:
            self.close()

    def close(self) -> None:
        """Cancel all requests."""
        self._thread.close()

    @property
    def lag(self) -> int:
        """Milliseconds at the end of the audio that the words do not cover yet."""
        return self._length - self._covered_ms

    @property
    def _length(self) -> int:
        return len(self.pcm) * 1000 // SAMPLE_BYTES // SAMPLE_RATE

    def _is_due(self) -> bool:
        """Return whether to request an interim transcript; the server needs time for other work."""
        if self._live and self._live.is_promising(self._length):
            return False
        grown = self._length - self._interim_ms
        return (
            grown >= max(MIN_INTERIM_MS, self._length // INTERIM_SHARE)
            and self._clock() >= self._rest_until
        )

    def _request_interim(self) -> None:
        self._interim_ms, self._requested_at = self._length, self._clock()
        self._interim = self._thread.submit(self._server.transcript(bytes(self.pcm), self._terms))

    def _take_interim(self, interim: Future[str]) -> None:
        self._interim = None
        self._rest_until = 2 * self._clock() - self._requested_at  # as long as it took
        try:
            text = interim.result()
        except UnresponsiveError:
            raise
        except RecognizerError as error:
            log.info("%s; the utterance continues without an interim transcript", error)
        else:
            if self._interim_ms > self._covered_ms:  # else the server has streamed more
                self._take(text, self._interim_ms)

    def _take(self, text: str, length: int) -> None:
        """Take the transcript of the first `length` ms, whose end is no end of a sentence."""
        self._covered_ms = length
        audio = self.pcm[: length * SAMPLE_RATE * SAMPLE_BYTES // 1000]
        self._words = estimate_times(text.rstrip(" .…").split(), bytes(audio))


class LiveTranscript:
    """A transcript that the server streams while it receives the utterance."""

    def __init__(self, server: WyomingServer, terms: Sequence[str], thread: LoopThread) -> None:
        self.text = ""
        self._server = server
        self._thread = thread
        # needs no bound: a turn has at most a minute
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._seconds = 0.0
        self._transcript = thread.submit(server.live_transcript(self._audio(), self._report, terms))

    def hear(self, pcm: bytes) -> None:
        """Send audio.

        Raises:
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        if self._transcript.done() and isinstance(self._transcript.exception(), UnresponsiveError):
            self._transcript.result()
        self._seconds += len(pcm) / SAMPLE_BYTES / SAMPLE_RATE
        self._thread.call(self._pieces.put_nowait, pcm)

    def is_promising(self, length: int) -> bool:
        """Return whether the server receives, and has sent words or may still send the first."""
        return not self._transcript.done() and bool(self.text or length < MAX_WORDLESS_STREAM_MS)

    def finish(self) -> str | None:
        """Return the transcript; None if it must be requested again.

        Raises:
            UnresponsiveError: the server hangs, or its machine is not there.
        """
        if self._transcript.done():
            return None  # the server failed, or answered before the end
        self._thread.call(self._pieces.put_nowait, None)
        try:
            return self._transcript.result(self._server.time_for(self._seconds))
        except UnresponsiveError:
            raise
        except RecognizerError as error:
            log.warning("%s; the audio is kept, trying again", error)
        except TimeoutError:
            log.warning("%s did not answer in time; trying again", self._server.address)
        return None

    def _report(self, text: str) -> None:
        self.text = text

    async def _audio(self) -> AsyncIterator[bytes]:
        while (pcm := await self._pieces.get()) is not None:
            yield pcm
