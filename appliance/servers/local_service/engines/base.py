"""What turns speech into words: the one interface between the local service and its engines."""

from collections.abc import Sequence
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


class RecognizerError(Exception):
    """The engine can't do its work now; the message says why and what to do."""


class Recognizer(Protocol):
    """Hears one utterance after the other; an utterance begins with its first audio.

    Audio is mono, signed 16 bit, little endian, 16000 Hz. One thread at a time uses a recognizer.
    Every method raises `RecognizerError` when the engine can't do it any more.
    """

    @property
    def lag(self) -> int:
        """How much of the utterance's end the words are not about yet, in ms; 0: it keeps up."""

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        """Return what the utterance seems to say so far; later audio may change any of it."""

    def finish(self) -> Sequence[HeardWord]:
        """End the utterance and return what it said, all its audio considered."""

    def favour(self, terms: Sequence[str]) -> None:
        """Favour these words and phrases, and no earlier ones; called between two utterances.

        An engine that doesn't know a term, or has no way to favour any, passes it over.
        """

    def close(self) -> None:
        """Give back what the engine holds; nothing else is called afterwards."""


class UnknownEngineError(Exception):
    """There is no such engine; the message says which there are."""


class Engine(Protocol):
    """Where sessions get their recognizers."""

    def warm_up(self) -> None:
        """Make ready what can be, so that the first session need not wait.

        Raises:
            RecognizerError: it can't be used now; it may be later.
        """

    def lend(self) -> Recognizer:
        """Return a recognizer for one session's own use.

        Raises:
            RecognizerError: it can't be used now; it may be later.
        """

    def take_back(self, recognizer: Recognizer) -> None:
        """Take a recognizer that was lent; what it was still hearing is forgotten."""

    def close(self) -> None:
        """Give back what is held for sessions to come; all recognizers have come back."""
