"""One stream of a microphone, from its opening to its closing."""

import math
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import pyaudio

from appliance.core.audio_format import SAMPLE_BYTES
from appliance.core.events import Fault
from appliance.hardware.portaudio import Audio, Device, open_stream

_PATIENCE = 2.0  # seconds without audio after which a stream counts as frozen
_LONGEST_QUEUE = 300  # blocks of a tenth of a second

Deliver = Callable[[bytes, float], None]
"""Takes a chunk (s16le, 16 kHz, mono, of any length) and when its first sample was captured."""


class CapturedBlock(NamedTuple):
    """What PortAudio handed over at once: interleaved s16le at the device's rate.

    `age` is how long before `arrived_at` the first sample was captured, in seconds, or 0.0 where
    PortAudio can't say. `overflows` counts the gaps since the block before.
    """

    audio: bytes
    arrived_at: float
    age: float
    overflows: int


class Capture:
    """A running stream. To be opened and closed on the same thread; both may block.

    Args:
        audio: PortAudio.
        device: what to open.
        clock: monotonic seconds.

    Raises:
        MicrophoneError: the device is busy, gone, or has no rate that is of use.
    """

    def __init__(
        self,
        audio: Audio,
        device: Device,
        clock: Callable[[], float],
    ) -> None:
        # Bounded by the callback, which counts what it had to drop.
        self._blocks: queue.SimpleQueue[CapturedBlock] = queue.SimpleQueue()
        self._clock = clock
        self._overflows = 0
        self._stream, self.format = open_stream(audio, device, self._receive)

    @property
    def waiting(self) -> bool:
        """Whether a block waits to be taken."""
        return not self._blocks.empty()

    def take(self, timeout: float) -> CapturedBlock:
        """Return the next block, as soon as it is captured.

        Raises:
            queue.Empty: none came for so many seconds.
        """
        return self._blocks.get(timeout=timeout)

    def span(self, block: CapturedBlock) -> tuple[float, float]:
        """Return when the block began and when it ended, in monotonic seconds."""
        seconds = len(block.audio) / SAMPLE_BYTES / self.format.channels / self.format.rate
        began_at = block.arrived_at - max(block.age, seconds)
        return began_at, began_at + seconds

    def fault(self, silent_for: float) -> Fault | None:
        """Say what is wrong, if anything is, when no block came for so many seconds."""
        if not self._is_active():
            return Fault("No microphone", "plug it in", "its stream ended")
        if silent_for > _PATIENCE:
            return Fault("Microphone silent", "unplug it, plug it in", f"for {silent_for:.1f} s")
        return None

    def close(self) -> None:
        """Stop capturing; no block is handed over afterwards."""
        # A device that is gone can't be stopped properly, and need not be. Stopping comes first:
        # closing alone would cancel PortAudio's thread, perhaps within the callback.
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
        _frames: int,
        times: Mapping[str, float],
        status: int,
    ) -> tuple[None, int]:
        """Be PortAudio's callback: hand over and return."""
        self._overflows += bool(status & pyaudio.paInputOverflow)
        # PortAudio's clock need not be ours, but its differences are good.
        age = times["current_time"] - times["input_buffer_adc_time"]
        age = age if 0 < age < _PATIENCE else 0.0
        if self._blocks.qsize() < _LONGEST_QUEUE:
            self._blocks.put(CapturedBlock(audio or b"", self._clock(), age, self._overflows))
            self._overflows = 0
        else:
            self._overflows += 1  # a gap before the next block that finds room
        return None, pyaudio.paContinue


class CaptureRequest:
    """One stretch of listening: who closes it need not wait until it has begun.

    Args:
        deliver: called on the microphone's thread.

    Attributes:
        closed_at: what was said until then is to be delivered, in monotonic seconds; infinite for
            as long as nobody has closed it.
    """

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self.closed_at = math.inf
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        """Whether it was closed; for good."""
        return self._closed.is_set()

    def close(self, at: float) -> None:
        """Hear no more than what was said until then; the first time counts."""
        if not self.closed:
            self.closed_at = at
            self._closed.set()

    def pause(self, seconds: float) -> None:
        """Let the time pass, or less when it is closed meanwhile."""
        self._closed.wait(seconds)
