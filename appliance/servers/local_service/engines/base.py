"""Interface between the local service and its speech recognition engines."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec


class HeardWord(msgspec.Struct, frozen=True):
    """A recognized word.

    `start` and `end` are milliseconds from the first sample of its utterance; `confidence` is from
    0 to 1. `speaker` is the label of who said it, "A", "B" and so on, or "" if nobody knows.
    """

    text: str
    start: int
    end: int
    confidence: float = 1.0
    speaker: str = ""


class RecognizerError(Exception):
    """The engine is not available now; the message is a sentence with the reason and a remedy."""


class UnknownEngineError(Exception):
    """There is no such engine; the message lists those there are."""


class Recognizer(Protocol):
    """A speech recognizer that hears one utterance after the other.

    An utterance begins with its first audio and ends with `finish`. Audio is mono, signed 16 bit,
    little endian, 16000 Hz. Only one thread at a time uses a recognizer. Every method raises
    `RecognizerError` if the engine fails.
    """

    @property
    def lag(self) -> int:
        """Milliseconds at the end of the utterance that the words do not cover yet."""

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        """Add audio to the utterance; return its words so far, all of which may still change."""

    def finish(self) -> Sequence[HeardWord]:
        """End the utterance; return its words."""

    def favour(self, terms: Sequence[str]) -> None:
        """Favour these words and phrases instead of earlier ones; called between utterances.

        An engine ignores terms that it does not know, or all if it can favour none.
        """

    def close(self) -> None:
        """Free what the recognizer holds; no other method is called afterwards."""


@runtime_checkable
class SpeakerRecognizer(Recognizer, Protocol):
    """A recognizer that can tell speakers apart; it serves one session only."""

    def label_speakers(self, max_speakers: int | None) -> None:
        """Give the words of all further utterances a `speaker`, of at most so many.

        It is called before the first utterance, and only if the client wants to know speakers.
        """

    def revised_speakers(self) -> Mapping[int, Sequence[str]]:
        """Return the utterances whose speakers were found to be others since the last call.

        The key is the number of the utterance, from 0; the value has a label for each of its words.
        """


class Engine(Protocol):
    """A source of recognizers, one for each session."""

    def warm_up(self) -> None:
        """Prepare for the first session, so that it need not wait.

        Raises:
            RecognizerError: the engine is not available now; it may be later.
        """

    def acquire(self) -> Recognizer:
        """Return a recognizer for one session.

        Raises:
            RecognizerError: the engine is not available now; it may be later.
        """

    def release(self, recognizer: Recognizer) -> None:
        """Take back a recognizer, which may be in the middle of an utterance."""

    def close(self) -> None:
        """Free what is held for later sessions; all recognizers have been released."""
