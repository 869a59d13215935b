"""Engines that need no speech model."""

import threading
from collections.abc import Mapping, Sequence

from appliance.servers.local_service.engines.base import HeardWord, Recognizer, RecognizerError


class DeafEngine:
    """An `Engine`, and the only `Recognizer` that it has, which hears no words."""

    lag = 0

    def warm_up(self) -> None:
        pass

    def acquire(self) -> Recognizer:
        return self

    def release(self, recognizer: Recognizer) -> None:
        assert recognizer is self

    def hear(self, _pcm: bytes) -> Sequence[HeardWord]:
        return []

    def finish(self) -> Sequence[HeardWord]:
        return []

    def favour(self, terms: Sequence[str]) -> None:
        pass

    def close(self) -> None:
        pass


class BrokenEngine(DeafEngine):
    """An engine that is never available, for this reason."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def acquire(self) -> Recognizer:
        raise RecognizerError(self.sentence)


class ScriptedEngine(DeafEngine):
    """An engine, and its only recognizer, that hears what a script says, and by whom.

    Each utterance has the next words of the script, a new one each 300 ms; the last one lasts as
    long as the audio. After `revise`, the speakers of earlier utterances are others.
    """

    def __init__(self, *utterances: Sequence[tuple[str, str]]) -> None:
        self.max_speakers: list[int | None] = []
        self._utterances = utterances
        self._number = 0
        self._heard = 0
        self._labels = False
        self._revised: Mapping[int, Sequence[str]] = {}

    def label_speakers(self, max_speakers: int | None) -> None:
        self._labels = True
        self.max_speakers.append(max_speakers)

    def revise(self, speakers: Mapping[int, Sequence[str]]) -> None:
        self._revised = speakers

    def revised_speakers(self) -> Mapping[int, Sequence[str]]:
        revised, self._revised = self._revised, {}
        return revised

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        self._heard += len(pcm) // 32
        return self._words()[: 1 + self._heard // 300]

    def finish(self) -> Sequence[HeardWord]:
        words = self._words()
        self._heard = 0
        self._number += 1
        return words

    def _words(self) -> list[HeardWord]:
        if self._number >= len(self._utterances):
            return []
        return [
            HeardWord(text, 300 * n, self._heard, speaker=speaker if self._labels else "")
            for n, (text, speaker) in enumerate(self._utterances[self._number])
        ]


class BusyEngine(DeafEngine):
    """An engine that gets to no audio before `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.has_heard = False

    def favour(self, _terms: Sequence[str]) -> None:
        assert self.go_on.wait(60), "the test is over"

    def hear(self, pcm: bytes) -> Sequence[HeardWord]:
        self.has_heard = True
        return super().hear(pcm)
