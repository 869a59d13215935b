"""Engine and recognizer that use a Wyoming server.

The audio of an utterance is kept until its transcript has arrived. If the server disconnects, it is
sent again, so that nothing is lost.
"""

import asyncio
import logging
import time
import wave
from collections.abc import Callable, Sequence
from importlib import resources

from appliance.servers.local_service.engines.base import (
    Engine,
    HeardWord,
    Recognizer,
    RecognizerError,
)
from appliance.servers.local_service.engines.wyoming.address import Address
from appliance.servers.local_service.engines.wyoming.client import (
    BYTES_PER_SECOND,
    WyomingServer,
)
from appliance.servers.local_service.engines.wyoming.liveness import (
    MAX_SILENCE_LIMIT,
    UnresponsiveError,
)
from appliance.servers.local_service.engines.wyoming.utterance import Utterance
from appliance.servers.local_service.engines.wyoming.word_timing import estimate_times

log = logging.getLogger(__name__)

RETRY_PERIOD = 3.0
"""Seconds in which to try again if the server fails. After that the client must know, since it may
have a fallback. There is no new try with a server that hangs: that has taken time enough."""

RETRY_INTERVAL = 0.5
"""Seconds between two tries."""

WARM_UP_SECONDS = 3
"""Length of the speech that a server transcribes first; silence might take it no time."""


class WyomingEngine:
    """An `Engine` that uses a Wyoming server."""

    def __init__(self, server: WyomingServer) -> None:
        self._server = server

    def warm_up(self) -> None:
        """Transcribe a few seconds of speech, and record for how long the server is silent.

        Raises:
            RecognizerError: the server can't be used.
        """
        asyncio.run(self._server.streams())
        speech = _sample_speech()
        began = time.monotonic()
        asyncio.run(self._server.transcript(speech, silence_limit=MAX_SILENCE_LIMIT))
        log.info(
            "%s took %.1f s for %.1f s of speech",
            self._server.address,
            time.monotonic() - began,
            len(speech) / BYTES_PER_SECOND,
        )

    def acquire(self) -> Recognizer:
        """Return a recognizer, if the server describes itself.

        Raises:
            RecognizerError: the server can't be used.
        """
        return WyomingRecognizer(self._server, streaming=asyncio.run(self._server.streams()))

    def release(self, recognizer: Recognizer) -> None:
        """Close a recognizer: for the next session there may be another server at the address."""
        recognizer.close()

    def close(self) -> None:
        """Do nothing: the engine holds nothing between sessions."""


class WyomingRecognizer:
    """A `Recognizer` that uses a Wyoming server.

    Args:
        server: the server.
        streaming: whether the server streams its transcripts.
        retry_period: seconds in which to try again if the server fails.
        clock: monotonic seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        server: WyomingServer,
        *,
        streaming: bool = False,
        retry_period: float = RETRY_PERIOD,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server
        self._streaming = streaming
        self._retry_period = retry_period
        self._clock = clock
        self._sleep = sleep
        self._terms: tuple[str, ...] = ()
        self._utterance: Utterance | None = None

    @property
    def lag(self) -> int:
        """Milliseconds at the end of the utterance that the words do not cover yet."""
        return self._utterance.lag if self._utterance else 0

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Add audio; return the words of the latest interim transcript.

        Raises:
            RecognizerError: the server hangs, or its machine is not there.
        """
        if self._utterance is None:
            self._utterance = Utterance(
                self._server, self._terms, streaming=self._streaming, clock=self._clock
            )
        return self._utterance.hear(pcm)

    def finish(self) -> list[HeardWord]:
        """End the utterance; return its words.

        Raises:
            RecognizerError: the server kept failing, or hangs.
        """
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        text = utterance.finish()
        if text is None:
            text = self._transcript(bytes(utterance.pcm))
        return estimate_times(text.split(), bytes(utterance.pcm))

    def favour(self, terms: Sequence[str]) -> None:
        """Send these words and phrases to the server, which may favour them."""
        self._terms = tuple(terms)

    def close(self) -> None:
        """Drop the utterance."""
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.close()

    def _transcript(self, pcm: bytes) -> str:
        """Return the transcript of the audio; try again for a while if the server fails."""
        end = self._clock() + self._retry_period
        while True:
            try:
                return asyncio.run(self._server.transcript(pcm, self._terms))
            except UnresponsiveError:
                raise
            except RecognizerError as error:
                if self._clock() >= end:
                    raise
                log.warning("%s; the audio is kept, trying again", error)
                self._sleep(RETRY_INTERVAL)


def wyoming_engine(url: str) -> Engine:
    """Return the engine that uses the server at a URL, as `Address.parse` reads it.

    Raises:
        UnknownEngineError: the URL does not have that form.
    """
    return WyomingEngine(WyomingServer(Address.parse(url)))


def _sample_speech() -> bytes:
    sample = resources.files("appliance") / "app" / "samples" / "sample.wav"
    with sample.open("rb") as file, wave.open(file) as speech:
        pcm: bytes = speech.readframes(WARM_UP_SECONDS * speech.getframerate())
    return pcm
