"""Speech in which every 10 ms carries its own number, and a recognizer that reads the numbers.

A block of 160 samples is 40 symbols of 4 samples: 8 of a marker, then 24 bits of number and 8 of
checksum at half the marker's amplitude. Only signs and the ratio to the marker count, so other
volumes and resampling do no harm. Silence is zeros.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.rig.recognizer import PAUSE_MS, Message, NewRecognizer, TurnWriter

SAMPLES_PER_MS = 16
BLOCK = 160
BLOCK_MS = 10
DRIFT = 2
"""Samples by which a block may come early or late (resampling, clocks of sound cards)."""
CLIPPED = 1
"""Blocks that may be missing at either end of a word that is heard all the same."""

_SYMBOL = 4
_MARKER = np.array([1, 1, 1, -1, -1, 1, -1, -1])
_MARKER_LEVEL = 12_000
_QUIETEST_MARKER = 400
_NUMBER_BITS = 24
_BIT_WEIGHTS = 1 << np.arange(_NUMBER_BITS + 7, -1, -1, dtype=np.int64)

Samples = NDArray[np.int16]


class SpokenWord(NamedTuple):
    """A word, and the numbers of its first and last block."""

    text: str
    first: int
    last: int


@dataclass(frozen=True)
class Speech:
    """Audio (s16, mono, 16 kHz) and the words in it."""

    samples: Samples
    words: tuple[SpokenWord, ...]

    @property
    def pcm(self) -> bytes:
        """The audio as s16le."""
        return self.samples.astype("<i2").tobytes()

    @property
    def seconds(self) -> float:
        """How long the audio lasts."""
        return len(self.samples) / (1000 * SAMPLES_PER_MS)

    @property
    def said(self) -> list[str]:
        """The words in their order."""
        return [word.text for word in self.words]


def speech(
    words: int = 30,
    *,
    word_ms: int = 300,
    gap_ms: int = 100,
    turn_gap_every: int = 6,
    turn_gap_ms: int = 700,
    lead_ms: int = 300,
    pauses: Mapping[int, int] | None = None,
    first_word: int = 0,
    first_block: int = 0,
) -> Speech:
    """Return numbered speech: the words "w0", "w1" and so on, in turns.

    After every `turn_gap_every` words comes a pause that ends the turn; `pauses` has longer ones,
    in ms, after the words of these numbers. The audio starts with `lead_ms` of silence and ends
    with a pause. All times are whole blocks of 10 ms.

    Words and blocks are numbered from `first_word` and `first_block` on: with numbers of their own,
    several speeches can be told apart.
    """
    assert gap_ms >= 3 * BLOCK_MS, "words need 30 ms between them to be told apart"
    spoken = []
    block = lead_ms // BLOCK_MS
    block += first_block
    for number in range(words):
        last = block + word_ms // BLOCK_MS - 1
        spoken.append(SpokenWord(f"w{first_word + number}", block, last))
        usual = gap_ms if (number + 1) % turn_gap_every else turn_gap_ms
        block = last + 1 + (pauses or {}).get(number, usual) // BLOCK_MS
    end = spoken[-1].last + 1 + turn_gap_ms // BLOCK_MS
    samples = np.zeros((max(block, end) - first_block) * BLOCK, dtype=np.int16)
    for word in spoken:
        for number in range(word.first, word.last + 1):
            start = (number - first_block) * BLOCK
            samples[start : start + BLOCK] = _encoded(number)
    return Speech(samples, tuple(spoken))


def numbered(words: Sequence[SpokenWord]) -> NewRecognizer:
    """Return recognizers that hear a word only if its audio arrived whole and in order."""
    word_at = {number: word for word in words for number in range(word.first, word.last + 1)}
    return lambda: NumberedRecognizer(word_at)


class Block(NamedTuple):
    """A number that was read, and the position in samples of the block that carries it."""

    number: int
    position: int


class Decoder:
    """Reads the numbers in a stream that may begin, or resume after a gap, at any sample."""

    def __init__(self) -> None:
        self.position = 0
        """Samples read so far: every block that begins before here was returned."""
        self._unread: Samples = np.zeros(0, dtype=np.int16)
        self._spare = b""

    def read(self, audio: bytes) -> Iterator[Block]:
        """Return the blocks that this piece of audio completes."""
        whole = self._spare + audio
        self._spare = whole[len(whole) // 2 * 2 :]
        fresh = np.frombuffer(whole, dtype="<i2", count=len(whole) // 2).astype(np.int16)
        self._unread = np.concatenate([self._unread, fresh])
        while self._skip_silence() and len(self._unread) >= BLOCK + DRIFT:
            number, offset = self._next_block()
            if number is not None:
                yield Block(number, self.position + offset)
                offset += BLOCK - DRIFT
            self._advance(offset)

    def _next_block(self) -> tuple[int | None, int]:
        """Return the number and offset of the first block, or None and how far there is none."""
        offsets = range(len(self._unread) - BLOCK + 1)
        for offset in offsets[:BLOCK]:
            number = _decoded(self._unread[offset : offset + BLOCK])
            if number is not None:
                return number, offset
        return None, len(offsets[:BLOCK])

    def _skip_silence(self) -> bool:
        """Skip to the next sound; return whether there is any."""
        loud = np.abs(self._unread.astype(np.int32)) > _QUIETEST_MARKER // 2
        found = bool(loud.any())
        first = int(loud.argmax()) if found else len(loud)
        self._advance(max(0, first - DRIFT))
        return found

    def _advance(self, samples: int) -> None:
        self._unread = self._unread[samples:]
        self.position += samples


class _Run(NamedTuple):
    """Numbers that arrived one after the other, without a gap, and where (in samples)."""

    first: int
    last: int
    start: int
    end: int

    def joined(self, block: Block) -> "_Run | None":
        """Return the run with this block at its end, or None when it doesn't follow."""
        if block.number == self.last + 1 and abs(block.position - self.end) <= DRIFT:
            return self._replace(last=block.number, end=block.position + BLOCK)
        return None


class NumberedRecognizer:
    """Recognizer of words by the numbers of their blocks."""

    def __init__(self, word_at: Mapping[int, SpokenWord]) -> None:
        self._word_at = word_at
        self._decoder = Decoder()
        self._turns = TurnWriter()
        self._run: _Run | None = None
        self._sound_end = 0

    def hear(self, audio: bytes) -> list[Message]:
        """Return the messages for the next piece of audio."""
        messages = []
        for block in self._decoder.read(audio):
            messages += self._silence_until(block.position)
            messages += self._take(block)
        return messages + self._silence_until(self._decoder.position)

    def finish_turn(self) -> list[Message]:
        """Return the messages for ending the current turn now."""
        return self._end_run() + self._turns.finish()

    def _take(self, block: Block) -> list[Message]:
        self._sound_end = block.position + BLOCK
        joined = self._run and self._run.joined(block)
        if joined:
            self._run = joined
            return []
        messages = self._end_run()
        self._run = _Run(block.number, block.number, block.position, block.position + BLOCK)
        word = self._word_at.get(block.number)
        if word and block.number <= word.first + CLIPPED:
            messages += self._turns.speaking(word.text, *_milliseconds(self._run))
        return messages

    def _silence_until(self, position: int) -> list[Message]:
        silence = position - self._sound_end
        messages = []
        if silence > (CLIPPED + 1) * BLOCK:
            messages += self._end_run()
        if silence >= PAUSE_MS * SAMPLES_PER_MS:
            messages += self._turns.finish()
        return messages

    def _end_run(self) -> list[Message]:
        run, self._run = self._run, None
        word = run and self._word_at.get(run.first)
        if not run or not word or run.first > word.first + CLIPPED:
            return []
        if run.last < word.last - CLIPPED:
            return self._turns.misheard()
        return self._turns.said(word.text, *_milliseconds(run))


def _milliseconds(run: _Run) -> tuple[int, int]:
    return round(run.start / SAMPLES_PER_MS), round(run.end / SAMPLES_PER_MS)


def _encoded(number: int) -> Samples:
    """Return the 160 samples that carry this number."""
    checked = number << 8 | _checksum(number)
    bits = np.where(_BIT_WEIGHTS & checked, 1, -1)
    symbols = np.concatenate([_MARKER * _MARKER_LEVEL, bits * (_MARKER_LEVEL // 2)])
    return np.repeat(symbols, _SYMBOL).astype(np.int16)


def _decoded(block: Samples) -> int | None:
    """Return the number that these 160 samples carry, if they carry one."""
    symbols = block.reshape(-1, _SYMBOL)[:, 1:3].mean(axis=1)
    marker = symbols[: len(_MARKER)] * _MARKER
    level = float(marker.mean())
    if level < _QUIETEST_MARKER or np.abs(marker / level - 1).max() > 0.3:
        return None
    bits = symbols[len(_MARKER) :]
    if np.abs(np.abs(bits) / level - 0.5).max() > 0.2:
        return None
    number, checksum = divmod(int(_BIT_WEIGHTS[bits > 0].sum()), 256)
    return number if checksum == _checksum(number) else None


def _checksum(number: int) -> int:
    """Return the CRC-8 (polynomial 0x07) of the number's 24 bits."""
    remainder = number << 8
    for shift in range(_NUMBER_BITS - 1, -1, -1):
        if remainder >> (shift + 8) & 1:
            remainder ^= 0x107 << shift
    return remainder
