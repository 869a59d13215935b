"""Cuts what a device delivers into timed chunks of 100 ms, and measures how loud they are."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from appliance.hardware.resampling import converter
from appliance.turns import SAMPLE_BYTES, SAMPLE_RATE

CHUNK_BYTES = SAMPLE_RATE // 10 * SAMPLE_BYTES

_QUIETEST = -60.0  # dB of full scale
_CHUNKS_A_LEVEL = 3
_STEP = 5  # samples from one looked at to the next; being odd, it meets every phase of a tone


class Chunk(NamedTuple):
    """100 ms of 16 kHz mono s16le, or less at the end, and when its first sample was captured."""

    audio: bytes
    captured_at: float


class Cutter:
    """Makes chunks of the blocks of one stream.

    Each chunk's time is reckoned from the latest block's, so it follows the device's clock for as
    long as the stream runs.

    Args:
        rate: of the device, in Hz.
        channels: of the device, interleaved.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._frame_bytes = channels * SAMPLE_BYTES
        self._converter = converter(rate, channels)
        self._pending = bytearray()
        self._taken = 0.0  # seconds of audio taken from the device
        self._given = 0.0  # seconds of audio given away in chunks
        self._began_at = 0.0

    def cut(self, block: bytes, captured_at: float) -> Iterator[Chunk]:
        """Yield the chunks that the block, s16le captured at this time, makes complete."""
        self._began_at = captured_at - self._taken
        self._taken += len(block) / self._frame_bytes / self._rate
        self._pending += self._converter.convert(block)
        while len(self._pending) >= CHUNK_BYTES:
            yield self._take(CHUNK_BYTES)

    def finish(self) -> Iterator[Chunk]:
        """Yield the rest, the last piece as short as it is."""
        self._pending += self._converter.finish()
        while self._pending:
            yield self._take(CHUNK_BYTES)

    def _take(self, size: int) -> Chunk:
        chunk = Chunk(bytes(self._pending[:size]), self._began_at + self._given)
        del self._pending[:size]
        self._given += len(chunk.audio) / SAMPLE_BYTES / SAMPLE_RATE
        return chunk


class Meter:
    """Tells about three times a second how loud it is: a bar that flickers faster says no more."""

    def __init__(self) -> None:
        self._loudest = 0.0
        self._chunks = 0

    def measure(self, audio: bytes) -> float | None:
        """Return the level of the first chunk, then of each third: its own or a louder one's.

        In steps of 0.1; None for the chunks in between.
        """
        self._loudest = max(self._loudest, level(audio))
        self._chunks += 1
        if self._chunks % _CHUNKS_A_LEVEL != 1:
            return None
        loudest, self._loudest = self._loudest, 0.0
        return round(loudest, 1)


def level(audio: bytes) -> float:
    """Return how loud s16le audio is: 0.0 at -60 dB of full scale or less, 1.0 at 0 dB.

    It is the peak of every fifth sample: a meter needs no more.
    """
    samples = memoryview(audio).cast("h")[::_STEP]
    highest, lowest = max(samples), min(samples)
    peak = max(highest, -lowest)
    if not peak:
        return 0.0
    return max(0.0, 1 - 20 * math.log10(peak / 32_768) / _QUIETEST)
