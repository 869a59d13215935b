"""Turn detector: divides a stream of audio into turns, which end with a pause.

Times are milliseconds of audio from the stream's first sample. The same audio gives the same turns,
however fast and in whatever pieces it arrives.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import msgspec

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.servers.local_service.engines.base import HeardWord, Recognizer

BYTES_PER_MS = SAMPLE_RATE * SAMPLE_BYTES // 1000
VOICE_FRAME_MS = 20

STEP_MS = 100
"""Audio is processed in steps of this length; each may bring a partial turn."""

LEAD_MS = 500
"""Audio before the first voice that belongs to the turn: words may begin quietly."""

ONSET_MS = 100
"""Voice within 200 ms that begins a turn; less is a click."""

CARRIED_MS = 200
"""Silence at the end of a turn that is also part of the next one."""

NOISE_MS = 1280
"""Voice without a word after which it is taken for noise."""

LONG_TURN_MS = 20_000
"""Length of a turn after which `LONG_TURN_SILENCE_MS` of silence end it."""

LONG_TURN_SILENCE_MS = 200
MAX_TURN_MS = 60_000

SILENCE_MS = 1000
"""Audio without speech that is worth a report."""

COMPLETE_CONFIDENCE = 0.9
"""Confidence after a silence if the last word may be the last; a pause for breath sounds alike."""

INCOMPLETE_CONFIDENCE = 0.3
"""Confidence after a silence if another word must follow the last one."""

_NEEDS_ANOTHER_WORD = re.compile(
    "an?|the|my|your|our|their|every|very|and|n?or|but|because|al?though|unless|whereas|if|than"
    "|of|from|into|upon|with(out)?|between|among|during"
)


class Pauses(msgspec.Struct, frozen=True):
    """Lengths of the silence that ends a turn, in ms.

    A silence of `shortest` ends it if the recognizer has heard no word either and the end-of-turn
    confidence is at least `confidence` (0 to 1); a silence of `longest` always does.
    """

    shortest: int = 400
    longest: int = 1280
    confidence: float = 0.4


class SpeechDetected(msgspec.Struct, frozen=True):
    """Somebody began to speak at `position` (ms)."""

    position: int


class SilenceDetected(msgspec.Struct, frozen=True):
    """Nobody spoke from `start` to `end` (ms); no later turn has audio of this time."""

    start: int
    end: int


class TurnUpdate(msgspec.Struct, frozen=True):
    """The words of a turn so far or, if `finished`, all of them; their times are the stream's.

    `order` counts the turns from 0, and `utterance` those of the recognizer, some of which have no
    words; `end_confidence` is from 0 to 1.
    """

    order: int
    words: tuple[HeardWord, ...]
    finished: bool
    end_confidence: float = 0.0
    utterance: int = 0


DetectorEvent = SpeechDetected | SilenceDetected | TurnUpdate


class _Step(msgspec.Struct, frozen=True):
    pcm: bytes
    voice_ms: int


class _OpenTurn(msgspec.Struct):
    start: int
    voice_until: int
    words: tuple[HeardWord, ...] = ()
    was_partial: bool = False


def voice_ms(pcm: bytes, has_voice: Callable[[bytes], bool]) -> int:
    """Return how many ms of audio contain a voice, in whole frames of `VOICE_FRAME_MS`."""
    size = VOICE_FRAME_MS * BYTES_PER_MS
    frames = [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
    return VOICE_FRAME_MS * sum(has_voice(frame) for frame in frames)


def end_of_turn_confidence(words: Sequence[str], silence: float) -> float:
    """Return from 0 to 1 how likely a turn with these words (lower case) has ended.

    `silence` is the share, from 0 to 1, of the silence that may end a turn. The confidence grows
    with it, up to a limit that depends on the last word.
    """
    is_complete = bool(words) and not _NEEDS_ANOTHER_WORD.fullmatch(words[-1])
    return round((COMPLETE_CONFIDENCE if is_complete else INCOMPLETE_CONFIDENCE) * silence, 3)


class TurnDetector:
    """Detects the turns in the audio of one session.

    From `LEAD_MS` before a voice to the end of the turn, the recognizer hears all audio, so that no
    word is lost between two turns. A noise in which it hears no word ends a turn as a silence does.

    Args:
        recognizer: hears the words; this object is its only user.
        has_voice: returns whether 20 ms of audio contain a voice; may be replaced at any time.
        pauses: the silences that end a turn; may be replaced at any time.
    """

    def __init__(
        self, recognizer: Recognizer, has_voice: Callable[[bytes], bool], pauses: Pauses
    ) -> None:
        self.pauses = pauses
        self.has_voice = has_voice
        self._recognizer = recognizer
        self._favoured: Sequence[str] | None = None
        self._position = 0
        self._rest = bytearray()
        self._recent: deque[_Step] = deque(maxlen=LEAD_MS // STEP_MS)
        self._turn: _OpenTurn | None = None
        self._order = 0
        self._utterance = 0
        self._silent_since = 0

    def favour(self, terms: Sequence[str]) -> None:
        """Have the recognizer favour these words and phrases, from the next turn on."""
        self._favoured = terms
        if self._turn is None:
            self._pass_on_favoured()

    def hear(self, pcm: bytes) -> Iterator[DetectorEvent]:
        """Process audio (mono s16le, 16000 Hz) of any length; yield what was detected."""
        self._rest += pcm
        while len(self._rest) >= STEP_MS * BYTES_PER_MS:
            step = bytes(self._rest[: STEP_MS * BYTES_PER_MS])
            del self._rest[: len(step)]
            yield from self._hear_step(step)

    def end_turn(self) -> Iterator[DetectorEvent]:
        """Process what is left of the audio, and end the turn even within a word."""
        rest = bytes(self._rest)
        self._rest.clear()
        if rest:
            yield from self._hear_step(rest)
        if self._turn is None and any(step.voice_ms for step in self._recent):
            yield from self._begin_turn()
        if self._turn is not None:
            yield from self._finish_turn(self._turn)
        self._recent.clear()

    def _hear_step(self, pcm: bytes) -> Iterator[DetectorEvent]:
        self._position += len(pcm) // BYTES_PER_MS
        self._recent.append(_Step(pcm, voice_ms(pcm, self.has_voice)))
        if self._turn is not None:
            yield from self._continue_turn(self._turn)
        elif sum(step.voice_ms for step in list(self._recent)[-2:]) >= ONSET_MS:
            yield from self._begin_turn()
        else:
            yield from self._report_silence()

    def _report_silence(self) -> Iterator[DetectorEvent]:
        end = self._position - LEAD_MS  # a turn may still begin with what follows
        if end - self._silent_since >= SILENCE_MS:
            yield SilenceDetected(self._silent_since, end)
            self._silent_since = end

    def _begin_turn(self) -> Iterator[DetectorEvent]:
        lead = b"".join(step.pcm for step in self._recent)
        start = self._position - len(lead) // BYTES_PER_MS
        self._turn = _OpenTurn(start=start, voice_until=self._position)
        yield SpeechDetected(max(start, self._position - 2 * STEP_MS))
        yield from self._recognize(self._turn, lead)

    def _continue_turn(self, turn: _OpenTurn) -> Iterator[DetectorEvent]:
        step = self._recent[-1]
        if step.voice_ms > VOICE_FRAME_MS:
            turn.voice_until = self._position
        yield from self._recognize(turn, step.pcm)
        if self._is_over(turn):
            yield from self._finish_turn(turn)
            self._carry_silence()

    def _carry_silence(self) -> None:
        """Keep the silence that ended the turn for the next one; a voice would be heard twice."""
        kept = 0 if self._recent[-1].voice_ms else CARRIED_MS // STEP_MS
        while len(self._recent) > kept:
            self._recent.popleft()

    def _recognize(self, turn: _OpenTurn, pcm: bytes) -> Iterator[DetectorEvent]:
        turn.words = self._in_stream(turn, self._recognizer.hear(pcm))
        if turn.words:
            turn.was_partial = True
            yield self._update(turn, finished=False)

    def _is_over(self, turn: _OpenTurn) -> bool:
        voiceless, wordless = self._silence(turn)
        length = self._position - turn.start
        if length >= MAX_TURN_MS or wordless >= max(self.pauses.longest, NOISE_MS):
            return True
        if length >= LONG_TURN_MS and max(voiceless, wordless) >= LONG_TURN_SILENCE_MS:
            return True
        if not voiceless:
            return False
        return voiceless >= self.pauses.longest or (
            min(voiceless, wordless + CARRIED_MS) >= self.pauses.shortest
            and self._end_confidence(turn) >= self.pauses.confidence
        )

    def _silence(self, turn: _OpenTurn) -> tuple[int, int]:
        """Return how long there has been no voice and no word, in ms."""
        voiceless = self._position - turn.voice_until
        last_word = max(turn.start, turn.words[-1].end if turn.words else 0)
        if self._knows_all_words(turn):
            return voiceless, self._position - last_word
        return voiceless, max(voiceless, self._covered_until - last_word)

    def _knows_all_words(self, turn: _OpenTurn) -> bool:
        """Return whether the recognizer's words cover all the voice so far."""
        return self._covered_until >= turn.voice_until

    @property
    def _covered_until(self) -> int:
        return self._position - self._recognizer.lag

    def _end_confidence(self, turn: _OpenTurn) -> float:
        voiceless, wordless = self._silence(turn)
        # With a shortest pause of 0, a turn ends with the first step without a voice.
        needed = max(self.pauses.shortest, STEP_MS)
        silence = min(1.0, min(voiceless, wordless + CARRIED_MS) / needed)
        # As long as the last word is unknown, it does not count as one that needs another.
        words = [word.text for word in turn.words] if self._knows_all_words(turn) else [""]
        return end_of_turn_confidence(words, silence)

    def _finish_turn(self, turn: _OpenTurn) -> Iterator[DetectorEvent]:
        self._turn = None
        turn.words = self._in_stream(turn, self._recognizer.finish())
        self._pass_on_favoured()
        if turn.words or turn.was_partial:
            yield self._update(turn, finished=True)
            self._order += 1
        if turn.words:
            self._silent_since = max(self._silent_since, turn.words[-1].end)
        self._utterance += 1

    def _update(self, turn: _OpenTurn, *, finished: bool) -> TurnUpdate:
        confidence = self._end_confidence(turn)
        return TurnUpdate(self._order, turn.words, finished, confidence, self._utterance)

    def _pass_on_favoured(self) -> None:
        if self._favoured is not None:
            self._recognizer.favour(self._favoured)
            self._favoured = None

    def _in_stream(self, turn: _OpenTurn, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """Return the words with their times in the stream, limited to its present end."""
        return tuple(
            msgspec.structs.replace(
                word,
                start=min(turn.start + word.start, self._position),
                end=min(turn.start + word.end, self._position),
            )
            for word in words
        )
