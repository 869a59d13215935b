"""What a Wyoming server makes of an utterance while it is being spoken.

Wyoming transcribes whole utterances. Newer servers stream the words that they are sure of; the
others are asked now and then what the utterance says so far.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.servers.local_service.engines.base import HeardWord, RecognizerError
from appliance.servers.local_service.engines.wyoming.client import WyomingServer
from appliance.servers.local_service.engines.wyoming.liveness import SilentError
from appliance.servers.local_service.engines.wyoming.loop_thread import LoopThread
from appliance.servers.local_service.engines.wyoming.word_timing import spread

log = logging.getLogger(__name__)

LEAST_GUESS_MS = 500
"""So much audio at least comes between two guesses."""

GUESS_SHARE = 8
"""Between two guesses the utterance grows by an eighth: all of them together hear it nine times."""

SILENT_STREAM_MS = 3000
"""A server that streams, but said nothing of so much audio, is asked for guesses after all."""


class Utterance:
    """What is being said now: its audio, and what the server made of it so far."""

    def __init__(
        self,
        server: WyomingServer,
        terms: Sequence[str],
        *,
        streaming: bool,
        clock: Callable[[], float],
    ) -> None:
        self.pcm = bytearray()
        self._heard = 0
        self._server = server
        self._terms = terms
        self._clock = clock
        self._words: list[HeardWord] = []
        self._thread = LoopThread("wyoming-utterance")
        self._live = LiveTranscript(server, terms, self._thread) if streaming else None
        self._streamed = ""
        self._guess: Future[str] | None = None
        self._guess_ms = 0
        self._guessed_at = clock()
        self._rest_until = clock()

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Take more of it and return what is known of its words.

        Raises:
            SilentError: the server is not there, or hangs.
        """
        self.pcm += pcm
        if self._live:
            self._live.hear(pcm)
            if self._live.text != self._streamed:
                self._streamed = self._live.text
                self._take(self._streamed, self._length)
        if self._guess and self._guess.done():
            self._take_guess(self._guess)
        if self._guess is None and self._wants_guess():
            self._begin_guess()
        return self._words

    def finish(self) -> str | None:
        """End it and return its transcript if the server streamed that.

        Raises:
            SilentError: the server is not there, or hangs.
        """
        try:
            return self._live.finish() if self._live else None
        finally:
            self.close()

    def close(self) -> None:
        """Drop what the server is still asked for."""
        self._thread.close()

    @property
    def lag(self) -> int:
        """How much of its end the words are not about yet, in ms."""
        return self._length - self._heard

    @property
    def _length(self) -> int:
        return len(self.pcm) * 1000 // SAMPLE_BYTES // SAMPLE_RATE

    def _wants_guess(self) -> bool:
        """Tell whether it is time for a guess: none so often that the server only guesses."""
        if self._live and self._live.promising(self._length):
            return False
        grown = self._length - self._guess_ms
        return (
            grown >= max(LEAST_GUESS_MS, self._length // GUESS_SHARE)
            and self._clock() >= self._rest_until
        )

    def _begin_guess(self) -> None:
        self._guess_ms, self._guessed_at = self._length, self._clock()
        self._guess = self._thread.submit(self._server.transcript(bytes(self.pcm), self._terms))

    def _take_guess(self, guess: Future[str]) -> None:
        self._guess = None
        self._rest_until = 2 * self._clock() - self._guessed_at  # as long as the guess took
        try:
            text = guess.result()
        except SilentError:
            raise
        except RecognizerError as error:
            log.info("%s; the utterance goes on without a guess", error)
        else:
            if self._guess_ms > self._heard:  # else the server has begun to stream
                self._take(text, self._guess_ms)

    def _take(self, text: str, length: int) -> None:
        """Take what the first `length` ms say; where they were cut, there is no full stop."""
        self._heard = length
        audio = self.pcm[: length * SAMPLE_RATE * SAMPLE_BYTES // 1000]
        self._words = spread(text.rstrip(" .…").split(), bytes(audio))


class LiveTranscript:
    """The utterance on its way to a server that streams its transcript."""

    def __init__(self, server: WyomingServer, terms: Sequence[str], thread: LoopThread) -> None:
        self.text = ""
        self._server = server
        self._thread = thread
        # not bounded: a turn is a minute long at most
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._seconds = 0.0
        self._transcript = thread.submit(server.live_transcript(self._audio(), self._tell, terms))

    def hear(self, pcm: bytes) -> None:
        """Send more of it.

        Raises:
            SilentError: the server is not there, or hangs.
        """
        if self._transcript.done() and isinstance(self._transcript.exception(), SilentError):
            self._transcript.result()
        self._seconds += len(pcm) / SAMPLE_BYTES / SAMPLE_RATE
        self._thread.call(self._pieces.put_nowait, pcm)

    def promising(self, length: int) -> bool:
        """Tell whether the server is listening, and has words or still may find its first."""
        return not self._transcript.done() and bool(self.text or length < SILENT_STREAM_MS)

    def finish(self) -> str | None:
        """Return the transcript; None if it must be asked for again.

        Raises:
            SilentError: the server is not there, or hangs.
        """
        if self._transcript.done():
            return None  # the server failed, or answered before all was said
        self._thread.call(self._pieces.put_nowait, None)
        try:
            return self._transcript.result(self._server.time_for(self._seconds))
        except SilentError:
            raise
        except RecognizerError as error:
            log.warning("%s; the audio is kept, asking again", error)
        except TimeoutError:
            log.warning("%s gave no answer in time; asking again", self._server.address)
        return None

    def _tell(self, text: str) -> None:
        self.text = text

    async def _audio(self) -> AsyncIterator[bytes]:
        while (pcm := await self._pieces.get()) is not None:
            yield pcm
