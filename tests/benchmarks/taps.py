"""Taps on PortAudio: they write everything down before the appliance gets it.

What the microphone delivered is what can be heard in the taps; what is lost behind them is lost by
the appliance.
"""

import bisect
import io
import itertools
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.hardware.portaudio import AudioStream, StreamCallback, quiet_audio
from tests.rig.numbered import SpokenWord, numbered

_HEADER = struct.Struct("<dIB")  # when a block arrived, its bytes, its channels


class TappedAudio:
    """PyAudio with a tap on every stream, in a file of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._audio = quiet_audio()
        self._folder = folder
        self.get_device_count = self._audio.get_device_count
        self.get_device_info_by_index = self._audio.get_device_info_by_index
        self.get_default_input_device_info = self._audio.get_default_input_device_info
        self.is_format_supported = self._audio.is_format_supported
        self.terminate = self._audio.terminate

    def open(
        self,
        rate: int,
        channels: int,
        format: int,  # noqa: A002 - PyAudio's
        *,
        input: bool,  # noqa: A002 - PyAudio's
        input_device_index: int,
        frames_per_buffer: int,
        stream_callback: StreamCallback,
    ) -> AudioStream:
        """Open a stream that writes down what it delivers."""
        assert rate == SAMPLE_RATE, "the numbers are read at the rate at which they were spoken"
        tap = self._new_file()

        def tapped(
            audio: bytes | None, frames: int, times: Mapping[str, float], status: int
        ) -> tuple[bytes | None, int]:
            # One write: a program that is killed leaves whole blocks behind.
            block = audio or b""
            tap.write(_HEADER.pack(time.monotonic(), len(block), channels) + block)
            return stream_callback(audio, frames, times, status)

        try:
            stream = self._audio.open(
                rate=rate,
                channels=channels,
                format=format,
                input=input,
                input_device_index=input_device_index,
                frames_per_buffer=frames_per_buffer,
                stream_callback=tapped,
            )
        except OSError:
            tap.close()
            raise
        return _TappedStream(stream, tap)

    def _new_file(self) -> io.FileIO:
        return io.FileIO(self._folder / f"{time.monotonic_ns():020d}.tap", "x")


class _TappedStream:
    """A stream whose tap is closed with it."""

    def __init__(self, stream: AudioStream, tap: io.FileIO) -> None:
        self._stream = stream
        self._tap = tap
        self.is_active = stream.is_active
        self.stop_stream = stream.stop_stream

    def close(self) -> None:
        try:
            self._stream.close()
        finally:  # from here on PortAudio calls nobody any more
            self._tap.close()


class Block(NamedTuple):
    """Audio of the first channel, and the latest time at which its first sample was captured."""

    captured_at: float
    audio: bytes


class Span(NamedTuple):
    """Span in which a word was said, in monotonic seconds."""

    began_at: float
    ended_at: float


def delivered(
    folder: Path, words: Sequence[SpokenWord], stops: Iterable[float] = ()
) -> dict[str, Span]:
    """Return the words that PortAudio delivered whole, and when they were said.

    A press that stops a session ends the stream a moment later; `stops` are these presses, in
    monotonic seconds, and what was captured after them was not meant to be heard.
    """
    heard: dict[str, Span] = {}
    for tap in sorted(folder.glob("*.tap")):
        if blocks := list(_blocks(tap)):
            heard |= _words(_until_stopped(blocks, stops), words)
    return heard


def _until_stopped(blocks: list[Block], stops: Iterable[float]) -> list[Block]:
    stop = min((stop for stop in stops if stop > blocks[0].captured_at), default=float("inf"))
    return [block for block in blocks if block.captured_at < stop]


def _words(blocks: list[Block], words: Sequence[SpokenWord]) -> dict[str, Span]:
    hearing = numbered(words)()
    messages = hearing.hear(b"".join(block.audio for block in blocks)) + hearing.finish_turn()
    ends = list(itertools.accumulate(len(block.audio) // SAMPLE_BYTES for block in blocks))

    def moment(milliseconds: int) -> float:
        position = milliseconds * SAMPLE_RATE // 1000
        block = min(bisect.bisect(ends, position), len(blocks) - 1)
        return (
            blocks[block].captured_at
            + (position - ends[block]) / SAMPLE_RATE
            + _seconds(blocks[block])
        )

    return {
        word["text"]: Span(moment(word["start"]), moment(word["end"]))
        for message in messages
        if message["end_of_turn"]
        for word in message["words"]
    }


def _blocks(tap: Path) -> Iterator[Block]:
    data = tap.read_bytes()
    position = 0
    while position < len(data):
        arrived_at, length, channels = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        samples = np.frombuffer(data, "<i2", length // SAMPLE_BYTES, position)[::channels]
        position += length
        yield Block(arrived_at - len(samples) / SAMPLE_RATE, samples.tobytes())


def _seconds(block: Block) -> float:
    return len(block.audio) / SAMPLE_BYTES / SAMPLE_RATE
