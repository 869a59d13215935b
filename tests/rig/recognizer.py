"""Recognizer of the scripted service: audio in, `Turn` messages out.

Each connection has its own and knows only its own audio, from position 0 on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol

Message = dict[str, Any]

BYTES_PER_SECOND = 32_000
PAUSE_MS = 400
"""A pause this long ends a turn (the service's `min_turn_silence`)."""


class Recognizer(Protocol):
    """Recognizer of one connection's audio."""

    def hear(self, audio: bytes) -> list[Message]:
        """Return the messages for the next piece of audio (s16le, mono, 16 kHz)."""

    def finish_turn(self) -> list[Message]:
        """Return the messages for ending the current turn now."""


NewRecognizer = Callable[[], Recognizer]
"""Makes the recognizer of one connection."""


class TurnWriter:
    """Writer of one connection's `Turn` messages, word by word.

    Times are milliseconds of the connection's audio. Every finished turn is written twice, the
    second time formatted.
    """

    def __init__(self) -> None:
        self._order = 0
        self._words: list[Message] = []
        self._begun = False

    def speaking(self, text: str, start: int, end: int) -> list[Message]:
        """Return the messages for a word that has begun and may still change."""
        return [self._turn([*self._words, _word(text, start, end, final=False)])]

    def said(self, text: str, start: int, end: int) -> list[Message]:
        """Return the messages for a settled word."""
        self._words.append(_word(text, start, end, final=True))
        return [self._turn(self._words)]

    def misheard(self) -> list[Message]:
        """Return the messages after a word that had begun turned out to be none."""
        return [self._turn(self._words)] if self._begun else []

    def finish(self) -> list[Message]:
        """Return the messages for the end of the turn."""
        if not self._begun:
            return []
        finished = self._turn(self._words, end_of_turn=True)
        formatted = self._turn(self._words, end_of_turn=True, turn_is_formatted=True)
        self._order += 1
        self._words = []
        self._begun = False
        return [finished, formatted]

    def _turn(
        self, words: list[Message], *, end_of_turn: bool = False, turn_is_formatted: bool = False
    ) -> Message:
        self._begun = True
        transcript = " ".join(word["text"] for word in words if word["word_is_final"])
        if turn_is_formatted and transcript:
            transcript = transcript[0].upper() + transcript[1:] + "."
        return {
            "type": "Turn",
            "turn_order": self._order,
            "transcript": transcript,
            "end_of_turn": end_of_turn,
            "turn_is_formatted": turn_is_formatted,
            "end_of_turn_confidence": 0.9 if end_of_turn else 0.1,
            "utterance": transcript if end_of_turn else "",
            "words": [dict(word) for word in words],
        }


def _word(text: str, start: int, end: int, *, final: bool) -> Message:
    return {
        "text": text,
        "start": start,
        "end": end,
        "confidence": 0.98 if final else 0.5,
        "word_is_final": final,
    }


def spoken(script: Sequence[tuple[float, str]]) -> NewRecognizer:
    """Return recognizers that hear the scripted turns as audio passes, whatever the audio is.

    The script says at which second of a connection's audio each turn begins. Its words last
    250 ms with 50 ms between them, and 400 ms after the last one it is finished.

    Raises:
        ValueError: A turn begins before the one before it is finished.
    """
    timelines = [_timeline(round(seconds * 1000), text.split()) for seconds, text in script]
    if any(earlier[-1][0] > later[0][0] for earlier, later in pairwise(timelines)):
        raise ValueError("each turn of the script has to begin after the end of the one before")
    events = [event for timeline in timelines for event in timeline]
    return lambda: _ScriptedRecognizer(events)


_Step = tuple[int, str, str]
"""Milliseconds, the method of TurnWriter, and the word."""


def _timeline(at_ms: int, words: list[str]) -> list[_Step]:
    steps: list[_Step] = []
    for word in words:
        steps += [(at_ms, "speaking", word), (at_ms + 250, "said", word)]
        at_ms += 300
    return [*steps, (at_ms - 50 + PAUSE_MS, "finish", "")]


class _ScriptedRecognizer:
    """Recognizer of `spoken`."""

    def __init__(self, steps: list[_Step]) -> None:
        self._steps = deque(steps)
        self._turns = TurnWriter()
        self._heard_bytes = 0

    def hear(self, audio: bytes) -> list[Message]:
        self._heard_bytes += len(audio)
        position = self._heard_bytes * 1000 / BYTES_PER_SECOND
        messages = []
        while self._steps and self._steps[0][0] <= position:
            messages += self._perform(*self._steps.popleft())
        return messages

    def finish_turn(self) -> list[Message]:
        if self._steps and self._steps[0][1] == "said":
            spoken_now = self._perform(*self._steps.popleft())
            return spoken_now + self._turns.finish()
        return self._turns.finish()

    def _perform(self, at_ms: int, step: str, word: str) -> list[Message]:
        if step == "speaking":
            return self._turns.speaking(word, at_ms, at_ms + 250)
        if step == "said":
            return self._turns.said(word, at_ms - 250, at_ms)
        return self._turns.finish()


class LaggingRecognizer:
    """Recognizer that lags behind the audio, as a service that has to think does.

    Audio is heard `delay` seconds after it arrived, and at most `speed` times as fast as it was
    spoken. Times are seconds of any clock that never goes back.
    """

    def __init__(self, recognizer: Recognizer, delay: float, speed: float, now: float) -> None:
        self._recognizer = recognizer
        self._delay = delay
        self._speed = speed
        self._heard_at = now
        self._waiting: deque[tuple[float, bytes | None]] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether everything that arrived was heard."""
        return not self._waiting

    def arrive(self, audio: bytes, now: float) -> None:
        """Take audio to hear later."""
        self._waiting.append((now + self._delay, audio))

    def end_turn(self, now: float) -> None:
        """End the turn once the audio that has arrived so far is heard."""
        self._waiting.append((now + self._delay, None))

    def hear(self, now: float) -> list[Message]:
        """Return the messages since the last call."""
        budget = (now - self._heard_at) * self._speed * BYTES_PER_SECOND
        self._heard_at = now
        messages = []
        while self._waiting and self._waiting[0][0] <= now and budget >= 2:
            due, audio = self._waiting.popleft()
            if audio is None:
                messages += self._recognizer.finish_turn()
                continue
            whole_samples = len(audio) if len(audio) <= budget else int(budget) // 2 * 2
            messages += self._recognizer.hear(audio[:whole_samples])
            budget -= whole_samples
            if rest := audio[whole_samples:]:
                self._waiting.appendleft((due, rest))
        return messages

    def finish_turn(self) -> list[Message]:
        """Return the messages for ending the current turn now."""
        return self._recognizer.finish_turn()
