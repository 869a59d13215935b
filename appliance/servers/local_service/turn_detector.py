"""Cuts a stream of audio into turns: what is said between two pauses.

Time is the stream's own, in milliseconds from its first sample, never the wall's: the same audio
gives the same turns however fast and in whatever pieces it arrives.
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
"""Audio is heard, and a partial told, in steps of this; the recognizer's work comes on top."""

LEAD_MS = 500
"""Audio before the first voiced sound that belongs to the turn: quiet beginnings of words."""

ONSET_MS = 100
"""So much voice within the last 200 ms is speech, less is a click."""

CARRIED_MS = 200
"""Silence at the end of a turn that also leads into the next one."""

NOISE_MS = 1280
"""So long a voice without a word is none, but a noise that sounds like one."""

LONG_TURN_MS = 20_000
LONG_TURN_SILENCE_MS = 200
LONGEST_TURN_MS = 60_000

COMPLETE_CONFIDENCE = 0.9
"""Confidence after a silence if the last word may be the last; a pause for breath sounds alike."""

INCOMPLETE_CONFIDENCE = 0.3
"""Confidence after a silence if another word must follow the last one."""

_NEEDS_ANOTHER_WORD = re.compile(
    "an?|the|my|your|our|their|every|very|and|n?or|but|because|al?though|unless|whereas|if|than"
    "|of|from|into|upon|with(out)?|between|among|during"
)


class Pauses(msgspec.Struct, frozen=True):
    """How long a silence ends a turn, in ms.

    At `shortest` it does when the recognizer, too, heard no word since and the end of the turn is
    at least as sure as `confidence` (0 to 1); at `longest` in any case.
    """

    shortest: int = 400
    longest: int = 1280
    confidence: float = 0.4


class SpeechBegan(msgspec.Struct, frozen=True):
    """Somebody began to speak, at `position` ms."""

    position: int


class TurnHeard(msgspec.Struct, frozen=True):
    """What a turn says so far, or in the end; its words' times are those of the stream.

    `end_confidence` is how sure it is that it ends here, from 0 to 1.
    """

    order: int
    words: tuple[HeardWord, ...]
    finished: bool
    end_confidence: float = 0.0


Heard = SpeechBegan | TurnHeard


class _Step(msgspec.Struct, frozen=True):
    pcm: bytes
    voice_ms: int


class _OpenTurn(msgspec.Struct):
    start: int
    voice_until: int
    words: tuple[HeardWord, ...] = ()
    shown: bool = False


def end_of_turn_confidence(words: Sequence[str], silence: float) -> float:
    """Return from 0 to 1 how likely a turn with these words (lower case) has ended.

    `silence` is the share, from 0 to 1, of the silence that may end a turn. The confidence grows
    with it, up to a limit that depends on the last word.
    """
    is_complete = bool(words) and not _NEEDS_ANOTHER_WORD.fullmatch(words[-1])
    return round((COMPLETE_CONFIDENCE if is_complete else INCOMPLETE_CONFIDENCE) * silence, 3)


class TurnListener:
    """Takes the audio of one connection and says what it hears.

    `has_voice` tells of 20 ms of audio whether there is a voice in it. Everything from `LEAD_MS`
    before a voice to the end of the turn goes through the recognizer, so that no word falls
    between two turns. A silence that is only noise to the recognizer ends a turn as well. `pauses`
    and `has_voice` may be replaced at any time.
    """

    def __init__(
        self, recognizer: Recognizer, has_voice: Callable[[bytes], bool], pauses: Pauses
    ) -> None:
        self.pauses = pauses
        self.has_voice = has_voice
        self._recognizer = recognizer
        self._favoured: Sequence[str] | None = None
        self._position = 0
        self._unheard = bytearray()
        self._recent: deque[_Step] = deque(maxlen=LEAD_MS // STEP_MS)
        self._turn: _OpenTurn | None = None
        self._order = 0

    def favour(self, terms: Sequence[str]) -> None:
        """Let the recognizer favour these words and phrases, from the next turn on."""
        self._favoured = terms
        if self._turn is None:
            self._pass_on_favoured()

    def hear(self, pcm: bytes) -> Iterator[Heard]:
        """Take audio (mono s16le, 16000 Hz) of any length; yield what it brought."""
        self._unheard += pcm
        while len(self._unheard) >= STEP_MS * BYTES_PER_MS:
            step = bytes(self._unheard[: STEP_MS * BYTES_PER_MS])
            del self._unheard[: len(step)]
            yield from self._hear_step(step)

    def end_turn(self) -> Iterator[Heard]:
        """End the turn here, wherever the speaker is; all that was taken is heard first."""
        rest = bytes(self._unheard)
        self._unheard.clear()
        if rest:
            yield from self._hear_step(rest)
        if self._turn is None and any(step.voice_ms for step in self._recent):
            yield from self._begin_turn()
        if self._turn is not None:
            yield from self._finish_turn(self._turn)
        self._recent.clear()

    def _hear_step(self, pcm: bytes) -> Iterator[Heard]:
        self._position += len(pcm) // BYTES_PER_MS
        self._recent.append(_Step(pcm, self._voice_ms(pcm)))
        if self._turn is not None:
            yield from self._go_on(self._turn)
        elif sum(step.voice_ms for step in list(self._recent)[-2:]) >= ONSET_MS:
            yield from self._begin_turn()

    def _voice_ms(self, pcm: bytes) -> int:
        size = VOICE_FRAME_MS * BYTES_PER_MS
        frames = [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
        return VOICE_FRAME_MS * sum(self.has_voice(frame) for frame in frames)

    def _begin_turn(self) -> Iterator[Heard]:
        lead = b"".join(step.pcm for step in self._recent)
        start = self._position - len(lead) // BYTES_PER_MS
        self._turn = _OpenTurn(start=start, voice_until=self._position)
        yield SpeechBegan(max(start, self._position - 2 * STEP_MS))
        yield from self._recognize(self._turn, lead)

    def _go_on(self, turn: _OpenTurn) -> Iterator[Heard]:
        step = self._recent[-1]
        if step.voice_ms > VOICE_FRAME_MS:
            turn.voice_until = self._position
        yield from self._recognize(turn, step.pcm)
        if self._is_over(turn):
            yield from self._finish_turn(turn)
            self._carry_silence()

    def _carry_silence(self) -> None:
        """Keep the silence that ended the turn; of a voice, nothing, or it would be heard twice."""
        kept = 0 if self._recent[-1].voice_ms else CARRIED_MS // STEP_MS
        while len(self._recent) > kept:
            self._recent.popleft()

    def _recognize(self, turn: _OpenTurn, pcm: bytes) -> Iterator[Heard]:
        turn.words = self._placed(turn, self._recognizer.hear(pcm))
        if turn.words:
            turn.shown = True
            yield TurnHeard(self._order, turn.words, False, self._end_confidence(turn))

    def _is_over(self, turn: _OpenTurn) -> bool:
        quiet, wordless = self._silence(turn)
        length = self._position - turn.start
        if length >= LONGEST_TURN_MS or wordless >= max(self.pauses.longest, NOISE_MS):
            return True
        if length >= LONG_TURN_MS and max(quiet, wordless) >= LONG_TURN_SILENCE_MS:
            return True
        if not quiet:
            return False
        return quiet >= self.pauses.longest or (
            min(quiet, wordless + CARRIED_MS) >= self.pauses.shortest
            and self._end_confidence(turn) >= self.pauses.confidence
        )

    def _silence(self, turn: _OpenTurn) -> tuple[int, int]:
        """Return for how many ms there has been no voice, and no word."""
        quiet = self._position - turn.voice_until
        last_word = max(turn.start, turn.words[-1].end if turn.words else 0)
        if self._knows_all_words(turn):
            return quiet, self._position - last_word
        return quiet, max(quiet, self._heard_until - last_word)

    def _knows_all_words(self, turn: _OpenTurn) -> bool:
        """Tell whether no voice is left that the recognizer is yet to hear."""
        return self._heard_until >= turn.voice_until

    @property
    def _heard_until(self) -> int:
        return self._position - self._recognizer.lag

    def _end_confidence(self, turn: _OpenTurn) -> float:
        quiet, wordless = self._silence(turn)
        # a turn that may end at once ends with the first step that has no voice in it
        needed = max(self.pauses.shortest, STEP_MS)
        silence = min(1.0, min(quiet, wordless + CARRIED_MS) / needed)
        # of a last word that isn't known yet, nothing says that it wants another
        words = [word.text for word in turn.words] if self._knows_all_words(turn) else [""]
        return end_of_turn_confidence(words, silence)

    def _finish_turn(self, turn: _OpenTurn) -> Iterator[Heard]:
        self._turn = None
        turn.words = self._placed(turn, self._recognizer.finish())
        self._pass_on_favoured()
        if turn.words or turn.shown:
            yield TurnHeard(self._order, turn.words, True, self._end_confidence(turn))
            self._order += 1

    def _pass_on_favoured(self) -> None:
        if self._favoured is not None:
            self._recognizer.favour(self._favoured)
            self._favoured = None

    def _placed(self, turn: _OpenTurn, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """Return the words at their places in the stream, which ends at the present position."""
        return tuple(
            HeardWord(
                text=word.text,
                start=min(turn.start + word.start, self._position),
                end=min(turn.start + word.end, self._position),
                confidence=word.confidence,
            )
            for word in words
        )
