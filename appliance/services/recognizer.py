"""What turns speech into words: the one interface between the local service and its engines."""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Protocol

import msgspec


class HeardWord(msgspec.Struct, frozen=True):
    """A word and where it was said: milliseconds from the first sample of its utterance.

    `confidence` reaches from 0 to 1.
    """

    text: str
    start: int
    end: int
    confidence: float = 1.0


class Recognizer(Protocol):
    """Hears one utterance after the other; an utterance begins with its first audio.

    Audio is mono, signed 16 bit, little endian, 16000 Hz. One thread at a time uses a recognizer.
    """

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Return what the utterance seems to say so far; later audio may change any of it."""

    def finish(self) -> list[HeardWord]:
        """End the utterance and return what it said, all its audio considered."""


class RecognizerPool:
    """Lends recognizers, and keeps one that came back.

    To load a model takes half a second on a PC and several on a small board, so a session that
    follows another finds its recognizer ready. Further ones last as long as their session.
    """

    def __init__(self, make: Callable[[], Recognizer]) -> None:
        self._make = make
        self._idle: Queue[Recognizer] = Queue(maxsize=1)

    def warm_up(self) -> None:
        """Load a recognizer for the first session."""
        self.take_back(self._make())

    def lend(self) -> Recognizer:
        """Return a recognizer for one session's own use."""
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._make()

    def take_back(self, recognizer: Recognizer) -> None:
        """Take a recognizer that was lent; what it was still hearing is forgotten."""
        recognizer.finish()
        with suppress(Full):
            self._idle.put_nowait(recognizer)
