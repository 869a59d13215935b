"""Cuts what a device delivers into timed chunks of 100 ms, and measures how loud they are."""

from collections.abc import Iterator
from typing import NamedTuple

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.hardware.conversion import converter

CHUNK_BYTES = SAMPLE_RATE // 10 * SAMPLE_BYTES


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
