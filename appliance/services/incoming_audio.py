"""A connection's audio as it comes in: checked, and brought to the recognizer's rate."""

import time
from collections.abc import Callable

import numpy as np
import soxr

from appliance.services.wire import AUDIO_VIOLATION, INVALID, RefusedError
from appliance.turns import SAMPLE_BYTES, SAMPLE_RATE


class IncomingAudio:
    """Takes frames of mono s16le at `rate` Hz and returns them at 16000 Hz.

    `look_ahead` is how many seconds of audio may be here before it could have been spoken.
    """

    def __init__(
        self, rate: int, look_ahead: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = 0.0
        self._rate = rate
        self._look_ahead = look_ahead
        self._clock = clock
        self._began = clock()
        self._resampler = (
            None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, "int16")
        )

    def take(self, frame: bytes) -> bytes:
        """Return a frame's audio; a resampler holds a little back until `rest`.

        Raises:
            RefusedError: the frame is cut amid a sample (3006), shorter than 50 ms or longer than
                1000 ms, or too far ahead of real time (3007).
        """
        if len(frame) % SAMPLE_BYTES:
            raise RefusedError(INVALID, "Invalid audio: a frame ends within a sample of 16 bit")
        seconds = len(frame) / SAMPLE_BYTES / self._rate
        if not 0.05 <= seconds <= 1.0:
            raise RefusedError(
                AUDIO_VIOLATION,
                f"Input Duration Violation: {seconds * 1000:g} ms. Expected between 50 and 1000 ms",
            )
        self.seconds += seconds
        self._check_rate()
        return self._resampled(frame)

    def rest(self) -> bytes:
        """Return what the resampler held back; the stream is over."""
        return self._resampled(b"", last=True)

    def _check_rate(self) -> None:
        elapsed = self._clock() - self._began
        if self.seconds - elapsed > self._look_ahead:
            raise RefusedError(
                AUDIO_VIOLATION,
                f"Audio Transmission Rate Exceeded: Received {self.seconds:.1f} sec. audio "
                f"in {elapsed:.1f} sec",
            )

    def _resampled(self, pcm: bytes, *, last: bool = False) -> bytes:
        if self._resampler is None:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2")
        resampled: bytes = self._resampler.resample_chunk(samples, last=last).tobytes()
        return resampled
