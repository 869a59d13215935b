"""Speech to words by a Wyoming server.

The audio of an utterance is kept until its transcript is there: a server that goes away is asked
again, and nothing is lost.
"""

import asyncio
import logging
import time
import wave
from collections.abc import Callable, Sequence
from importlib import resources

from appliance.servers.local_service.engines.base import HeardWord, Recognizer, RecognizerError
from appliance.servers.local_service.engines.wyoming.client import (
    BYTES_PER_SECOND,
    Address,
    WyomingServer,
)
from appliance.servers.local_service.engines.wyoming.liveness import MOST, SilentError
from appliance.servers.local_service.engines.wyoming.utterance import Utterance
from appliance.servers.local_service.engines.wyoming.word_timing import spread

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds for which a server that fails is asked again; longer, and the client must know, which may
have another service to go to. One that is silent was waited for long enough."""

PAUSE = 0.5
"""Seconds between two tries."""

FIRST = 3
"""Seconds of the bundled sample that a server hears first: silence might take it no time."""


class WyomingEngine:
    """An `Engine`: the Wyoming server at `url`.

    Raises:
        UnknownEngineError: the URL is no address of a Wyoming server.
    """

    def __init__(self, url: str) -> None:
        self._server = WyomingServer(Address.parse(url))

    def warm_up(self) -> None:
        """See whether the server is there, and for how long it is silent while it thinks.

        Raises:
            RecognizerError: it isn't, or recognizes no speech.
        """
        asyncio.run(self._server.streams())
        speech = _speech()
        began = time.monotonic()
        asyncio.run(self._server.transcript(speech, patience=MOST))
        log.info(
            "%s took %.1f s for %.1f s of speech",
            self._server.address,
            time.monotonic() - began,
            len(speech) / BYTES_PER_SECOND,
        )

    def acquire(self) -> Recognizer:
        """Return a recognizer, having seen that the server is there.

        Raises:
            RecognizerError: it isn't, or recognizes no speech.
        """
        return WyomingRecognizer(self._server, streaming=asyncio.run(self._server.streams()))

    def release(self, recognizer: Recognizer) -> None:
        """Close a recognizer: the next session may find another server at the address."""
        recognizer.close()

    def close(self) -> None:
        """Do nothing: nothing is held between sessions."""


class WyomingRecognizer:
    """A `Recognizer` that asks a Wyoming server; `streaming` if that says words as it listens."""

    def __init__(
        self,
        server: WyomingServer,
        *,
        streaming: bool = False,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server
        self._streaming = streaming
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._terms: tuple[str, ...] = ()
        self._utterance: Utterance | None = None

    @property
    def lag(self) -> int:
        """How much of the utterance's end the words are not about yet, in ms."""
        return self._utterance.lag if self._utterance else 0

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Return what the utterance seemed to say when the server was last asked.

        Raises:
            RecognizerError: the server is not there, or hangs.
        """
        if self._utterance is None:
            self._utterance = Utterance(
                self._server, self._terms, streaming=self._streaming, clock=self._clock
            )
        return self._utterance.hear(pcm)

    def finish(self) -> list[HeardWord]:
        """End the utterance and return what it said.

        Raises:
            RecognizerError: the server failed again and again, or hangs.
        """
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        text = utterance.finish()
        if text is None:
            text = self._asked(bytes(utterance.pcm))
        return spread(text.split(), bytes(utterance.pcm))

    def favour(self, terms: Sequence[str]) -> None:
        """Name words and phrases that may be said; the server may make something of them."""
        self._terms = tuple(terms)

    def close(self) -> None:
        """End the utterance, whatever it said."""
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.close()

    def _asked(self, pcm: bytes) -> str:
        """Return the transcript, asking again while there is patience."""
        end = self._clock() + self._patience
        while True:
            try:
                return asyncio.run(self._server.transcript(pcm, self._terms))
            except SilentError:
                raise
            except RecognizerError as error:
                if self._clock() >= end:
                    raise
                log.warning("%s; the audio is kept, asking again", error)
                self._sleep(PAUSE)


def _speech() -> bytes:
    sample = resources.files("appliance") / "app" / "samples" / "sample.wav"
    with sample.open("rb") as file, wave.open(file) as speech:
        pcm: bytes = speech.readframes(FIRST * speech.getframerate())
    return pcm
