"""Capture of audio: one PortAudio stream, and the request that it serves."""

import math
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import pyaudio

from appliance.core.audio_format import SAMPLE_BYTES
from appliance.core.faults import Fault
from appliance.hardware.portaudio import Audio, Device, open_audio_stream
from appliance.hardware.signal_checks import unusable

_FROZEN_AFTER = 2.0  # seconds without audio
_BURST = 3.0  # seconds of audio that a sound system may deliver at once, as after a delay
_HIGHEST_SPEED = 2.0  # seconds of audio in a second; a rate that is less wrong is only reported
_QUEUE_LIMIT = 300  # blocks of a tenth of a second

Deliver = Callable[[bytes, float], None]
"""Takes a chunk (s16le, 16 kHz, mono, of any length) and when its first sample was captured."""


class CapturedBlock(NamedTuple):
    """Audio of one callback.

    Attributes:
        audio: interleaved s16le at the device's rate.
        arrived_at: when the callback was called, in monotonic seconds.
        age: seconds from the capture of the first sample to the callback; 0.0 where PortAudio does
            not know.
        overflows: gaps between the previous block and this one.
    """

    audio: bytes
    arrived_at: float
    age: float
    overflows: int


class Capture:
    """Running stream. Opened and closed on the same thread; both may block.

    Args:
        audio: PortAudio.
        device: what to open.
        clock: monotonic seconds.
        every_channel: open all channels of the device, not the first one alone.

    Attributes:
        format: of the blocks.
        ran_away: whether it was stopped because it delivered audio faster than time passes.

    Raises:
        MicrophoneError: the device is busy, gone, or has no usable rate.
    """

    def __init__(
        self,
        audio: Audio,
        device: Device,
        clock: Callable[[], float],
        *,
        every_channel: bool = False,
    ) -> None:
        # Bounded by the callback, which counts the blocks that it drops.
        self._blocks: queue.SimpleQueue[CapturedBlock] = queue.SimpleQueue()
        self._clock = clock
        self._overflows = 0
        self._rate: int | None = None  # until the stream is open
        # Before it is opened: what it delivers cannot have been said earlier.
        self._began_at = clock()
        self._frames = 0
        self.ran_away = False
        self._stream, self.format = open_audio_stream(
            audio, device, self._receive, every_channel=every_channel
        )
        self._rate = self.format.rate

    @property
    def waiting(self) -> bool:
        """Whether a block waits to be taken."""
        return not self._blocks.empty()

    def take(self, timeout: float) -> CapturedBlock:
        """Return the next block, as soon as it is captured.

        Raises:
            queue.Empty: none came within `timeout` seconds.
        """
        return self._blocks.get(timeout=timeout)

    def frames(self, block: CapturedBlock) -> int:
        """Return the number of samples in a block, on each channel."""
        return len(block.audio) // SAMPLE_BYTES // self.format.channels

    def span(self, block: CapturedBlock) -> tuple[float, float]:
        """Return when the block began and ended, in monotonic seconds."""
        seconds = self.frames(block) / self.format.rate
        began_at = block.arrived_at - max(block.age, seconds)
        return began_at, began_at + seconds

    def fault(self, silent_for: float) -> Fault | None:
        """Return what is wrong when no block came for `silent_for` seconds; None if nothing is."""
        if self.ran_away:
            return unusable("it delivers audio faster than time passes")
        if not self._is_active():
            return Fault("No microphone", "plug it in", "its stream ended")
        if silent_for > _FROZEN_AFTER:
            return Fault("Microphone silent", "unplug it, plug it in", f"for {silent_for:.1f} s")
        return None

    def close(self) -> None:
        """Stop capturing; no block arrives afterwards."""
        # A device that is gone can't be stopped, and need not be. Stopping comes first: closing
        # alone would cancel PortAudio's thread, perhaps within the callback.
        with suppress(OSError):
            self._stream.stop_stream()
        with suppress(OSError):
            self._stream.close()

    def _is_active(self) -> bool:
        try:
            return self._stream.is_active()
        except OSError:
            return False

    def _receive(
        self,
        audio: bytes | None,
        frames: int,
        times: Mapping[str, float],
        status: int,
    ) -> tuple[None, int]:
        """Queue a block: PortAudio's callback."""
        self._overflows += bool(status & pyaudio.paInputOverflow)
        # PortAudio's clock may have another zero than ours; differences are valid.
        age = times["current_time"] - times["input_buffer_adc_time"]
        age = age if 0 < age < _FROZEN_AFTER else 0.0
        arrived_at = self._clock()
        if self._blocks.qsize() < _QUEUE_LIMIT:
            self._blocks.put(CapturedBlock(audio or b"", arrived_at, age, self._overflows))
            self._overflows = 0
        else:
            self._overflows += 1  # a gap before the next block for which there is room
        self.ran_away = self._runs_away(frames, arrived_at)
        # A source that never blocks would take a whole core, for ever.
        return None, pyaudio.paAbort if self.ran_away else pyaudio.paContinue

    def _runs_away(self, frames: int, now: float) -> bool:
        """Return whether far more audio came than time passed."""
        if self._rate is None:
            return False
        self._frames += frames
        seconds = self._frames / self._rate
        return seconds > _BURST + _HIGHEST_SPEED * (now - self._began_at)


class CaptureRequest:
    """One period of listening, which may be closed before it has begun.

    Args:
        deliver: takes the audio, on the microphone's thread.

    Attributes:
        deliver: as given.
        closed_at: monotonic seconds up to which audio is delivered; infinite until it is closed.
    """

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self.closed_at = math.inf
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def close(self, at: float) -> None:
        """Deliver only what was said until `at` (monotonic seconds); the first call counts."""
        if not self.closed:
            self.closed_at = at
            self._closed.set()

    def pause(self, seconds: float) -> None:
        """Wait so many seconds, or until it is closed."""
        self._closed.wait(seconds)
